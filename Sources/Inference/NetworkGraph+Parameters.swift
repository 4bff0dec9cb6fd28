extension NetworkGraph {
    /// A tensor that a node needs.
    struct Parameter: Equatable {
        var name: String
        var shape: [Int]
        var node: String
    }

    /// The tensors that the nodes need, in the nodes' order.
    func parameters(shapes: [String: ValueShape]) -> [Parameter] {
        nodes.flatMap { node -> [Parameter] in
            func parameter(_ name: String?, _ shape: [Int]) -> [Parameter] {
                name.map { [Parameter(name: $0, shape: shape, node: node.name)] } ?? []
            }
            let channels =
                node.inputs.first.flatMap { shapes[$0] }.map { shape in
                    switch shape {
                    case .map(let map): map.channels
                    case .vector(let count): count
                    }
                } ?? 0
            switch node.operation {
            case .convolution(let outputs, let window, let weight, let bias):
                return parameter(weight, [outputs, channels, window.kernel.height, window.kernel.width])
                    + parameter(bias, [outputs])
            case .groupedConvolution(let outputs, let groups, let window, let weight, let bias):
                return parameter(weight, [outputs, channels / groups, window.kernel.height, window.kernel.width])
                    + parameter(bias, [outputs])
            case .prelu(let slope): return parameter(slope, [channels])
            case .linear(let outputs, let weight, let bias):
                return parameter(weight, [outputs, channels]) + parameter(bias, [outputs])
            case .batchNorm(let norm):
                return [norm.weight, norm.bias, norm.mean, norm.variance].flatMap { parameter($0, [channels]) }
            case .relu, .maxPool, .averagePool, .concat, .globalMaxAveragePool, .softmax, .activation, .add, .multiply,
                .responseNorm, .border, .shuffle, .flatten, .unflatten, .strided, .softmaxAlong:
                return []
            }
        }
    }

    /// Checks that the file holds the network's tensors, no others, in their shapes and as F32.
    ///
    /// PyTorch's `num_batches_tracked` counters are tolerated: they take no part in evaluation.
    /// - Throws: `InferenceError` (`mismatchedWeights`) that lists what is wrong.
    func check(_ weights: SafetensorsFile, shapes: [String: ValueShape]) throws(InferenceError) {
        let parameters = parameters(shapes: shapes)
        var problems: [String] = []
        for parameter in parameters {
            guard let tensor = weights.tensors[parameter.name] else {
                problems.append("“\(parameter.name)” is missing")
                continue
            }
            if tensor.shape != parameter.shape {
                problems.append("“\(parameter.name)” is \(tensor.shape) and should be \(parameter.shape)")
            } else if tensor.dtype != "F32" {
                problems.append("“\(parameter.name)” is \(tensor.dtype) and should be F32")
            }
        }
        let needed = Set(parameters.map(\.name))
        for name in weights.tensors.keys.sorted()
        where !needed.contains(name) && !name.hasSuffix("num_batches_tracked") {
            problems.append("“\(name)” belongs to no node")
        }
        guard problems.isEmpty else { throw .mismatchedWeights(of: weights.name, problems) }
    }
}

extension InferenceError {
    /// The tensors of the file `name` are not those of the network: the first five of `problems`, and how many more.
    static func mismatchedWeights(of name: String, _ problems: [String]) -> InferenceError {
        let shown = problems.prefix(5).joined(separator: "; ")
        let more = problems.count > 5 ? "; and \(problems.count - 5) more" : ""
        return InferenceError(.mismatchedWeights, "\(name) doesn't fit the network: \(shown)\(more)")
    }
}
