public import Foundation

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension SafetensorsFile {
    /// Random weights for `graph`, the same for every seed: to measure with, where a trained model is not at hand.
    ///
    /// Weights of convolutions and linears are uniform with variance 2 / fan-in (He et al. 2015, arXiv:1502.01852), so
    /// that activations neither grow nor vanish; batch norms are the identity, biases 0.
    /// - Throws: `InferenceError` (`invalidGraph`, `resources`).
    public static func seeded(for graph: NetworkGraph, seed: UInt64) throws(InferenceError) -> SafetensorsFile {
        var ones: Set<String> = []
        for node in graph.nodes {
            if case .batchNorm(let norm) = node.operation { ones.formUnion([norm.weight, norm.variance]) }
        }
        var random = SplitMix64(state: seed)
        return try made(name: "seed \(seed)", graph.parameters(shapes: graph.shapes())) { parameter, values in
            let fanIn = Double(values.count / parameter.shape[0])
            let bound = parameter.shape.count > 1 ? (6 / fanIn).squareRoot() : 0
            let offset: Double = ones.contains(parameter.name) ? 1 : 0
            for i in values.indices { values[i] = Float(offset + (2 * random.nextUnit() - 1) * bound) }
        }
    }

    /// Writes ``seeded(for:seed:)`` as a file to `url`.
    /// - Throws: `InferenceError` (`invalidGraph`, `resources`, `unreadable`).
    public static func writeSeeded(for graph: NetworkGraph, seed: UInt64, to url: URL) throws {
        let parameters = graph.parameters(shapes: try graph.shapes())
        let weights = try seeded(for: graph, seed: seed)
        try SafetensorsWriter.write(parameters, try WeightNames(parameters, in: weights), from: weights, to: url)
    }

    /// Weights that are made rather than read: `fill` is called with every parameter's values, in order, all of them 0.
    /// - Throws: `InferenceError` (`resources`).
    static func made(
        name: String, _ parameters: [NetworkGraph.Parameter],
        fill: (NetworkGraph.Parameter, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(InferenceError) -> SafetensorsFile {
        let floats = parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
        let size = max(floats, 1) * MemoryLayout<Float>.stride
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED
        else { throw InferenceError(.resources, "no memory for \(size) bytes of weights") }
        let values = base.bindMemory(to: Float.self, capacity: floats)
        var tensors: [String: TensorInfo] = [:]
        var first = 0
        for parameter in parameters {
            let count = parameter.shape.reduce(1, *)
            fill(parameter, UnsafeMutableBufferPointer(start: values + first, count: count))
            tensors[parameter.name] = TensorInfo(
                dtype: "F32", shape: parameter.shape, range: 4 * first..<4 * (first + count))
            first += count
        }
        return SafetensorsFile(
            name: name, tensors: tensors, mapping: UnsafeRawBufferPointer(start: base, count: size))
    }
}
