/// The names under which a file holds a network's parameters, matched strictly: every parameter once, in its shape, and
/// nothing else.
struct WeightNames {
    /// The file's name of each parameter.
    let sources: [String: String]

    /// Names that are known to be there.
    init(sources: [String: String]) { self.sources = sources }

    /// How a file writes a network's names.
    private struct Spelling {
        /// What wrappers add to every name: nothing, or DataParallel's.
        var prefix: String
        /// The linear layer of an architecture's plain head: Cadene's name, or timm's where it differs (Xception).
        var linear: String

        static let all = ["", "module."].flatMap { prefix in
            ["last_linear", "fc"].map { Spelling(prefix: prefix, linear: $0) }
        }

        func name(_ parameter: String) -> String {
            let linear = "last_linear"
            guard parameter.hasPrefix(linear + ".") else { return prefix + parameter }
            return prefix + self.linear + parameter.dropFirst(linear.count)
        }
    }

    /// Finds `parameters` in `source`.
    ///
    /// PyTorch's `num_batches_tracked` counters are left out: they take no part in evaluation.
    /// - Throws: `InferenceError` (`mismatchedWeights`) that lists what is wrong.
    init(_ parameters: [NetworkGraph.Parameter], in source: some WeightSource) throws(InferenceError) {
        let held = Set(source.names.filter { !$0.hasSuffix("num_batches_tracked") })
        let spelling = Spelling.all.max { left, right in
            func matches(_ spelling: Spelling) -> Int { parameters.count { held.contains(spelling.name($0.name)) } }
            return matches(left) < matches(right)
        }!
        var problems: [String] = []
        var sources: [String: String] = [:]
        for parameter in parameters {
            let name = spelling.name(parameter.name)
            guard let shape = source.shape(of: name), held.contains(name) else {
                problems.append("“\(name)” is missing")
                continue
            }
            if shape != parameter.shape { problems.append("“\(name)” is \(shape) and should be \(parameter.shape)") }
            sources[parameter.name] = name
        }
        for name in held.subtracting(sources.values).sorted() { problems.append("“\(name)” belongs to no node") }
        guard problems.isEmpty else { throw .mismatchedWeights(of: source.name, problems) }
        self.sources = sources
    }
}
