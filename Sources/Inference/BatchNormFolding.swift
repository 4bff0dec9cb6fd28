/// A batch norm as scale and shift per channel, in double precision, so that folding rounds each weight once.
struct FoldedNorm {
    var scale: [Double]
    var shift: [Double]

    init(_ parameters: NetworkGraph.BatchNormParameters, weights: SafetensorsFile) throws {
        func values(_ name: String) throws -> [Double] { try weights.withFloats(of: name) { $0.map(Double.init) } }
        let (weight, bias) = (try values(parameters.weight), try values(parameters.bias))
        let (mean, variance) = (try values(parameters.mean), try values(parameters.variance))
        scale = zip(weight, variance).map { $0 / ($1 + parameters.epsilon).squareRoot() }
        shift = []
        for i in bias.indices { shift.append(bias[i] - mean[i] * scale[i]) }
        guard (scale + shift).allSatisfy(\.isFinite) else {
            throw InferenceError(
                .nonFiniteWeights,
                "the batch norm with “\(parameters.weight)” of \(weights.name) gives infinite values: "
                    + "the file is damaged or was saved from a failed training")
        }
    }
}
