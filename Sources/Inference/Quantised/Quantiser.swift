internal import Foundation

/// Makes int8 weights of float32 ones: runs the network on calibration pictures, layer by layer, and chooses from what
/// it saw how each feature map is stored.
///
/// - Feature maps: one scale and zero point each. Without negative values (after ReLU) the zero point is 0. Values
///   clip where the squared error of all that was seen is least, or at a percentile.
/// - Weights: batch norms and the scales of the input's channels are folded in, in double precision; then the largest
///   of each output channel becomes 127.
/// - Biases: what rounding the weights changes in the mean of each output channel, computed from the means of the
///   input's channels, is taken back (Nagel et al. 2019, arXiv:1906.04721, section 4.2, from data).
public struct Quantiser {
    /// From where on the bytes of a feature map clip.
    public enum Clipping: Sendable, Equatable {
        /// Where the squared error over the calibration pictures is least.
        case leastError
        /// At this share of all values, in percent, 90 to 100.
        case percentile(Double)
    }

    private let graph: NetworkGraph
    private let weights: SafetensorsFile
    private let shapes: [String: ValueShape]
    private let parameters: QuantisedParameters
    private let layers: [Layer]
    private var histograms: [String: ActivationHistogram]
    /// Sums by channel, of every feature map that a convolution reads, and how many pixels they are over.
    private var sums: [String: [Double]] = [:]
    private var pixels: [String: Double] = [:]
    /// How many pictures were observed.
    public private(set) var observed = 0

    /// A node with the network that computes it alone.
    private struct Layer {
        var node: FusedNode
        var network: Network?
        /// Values that no later layer reads.
        var dead: [String]
    }

    /// - Throws: `InferenceError` (`invalidGraph`) where the network has what is not quantised, and what `Network.init`
    ///   throws.
    public init(graph: NetworkGraph, weights: SafetensorsFile) throws {
        let shapes = try graph.shapes()
        try graph.check(weights, shapes: shapes)
        parameters = try QuantisedParameters(graph, shapes: shapes)
        let nodes = parameters.nodes
        var lastReader: [String: Int] = [:]
        for (i, node) in nodes.enumerated() { for input in node.inputs { lastReader[input] = i } }
        layers = try nodes.enumerated().map { i, node in
            Layer(
                node: node, network: try Self.network(of: node, in: graph, shapes, weights),
                dead: node.inputs.filter { lastReader[$0] == i } + (lastReader[node.result] == nil ? [node.result] : []))
        }
        histograms = Dictionary(uniqueKeysWithValues: parameters.values.map { ($0, ActivationHistogram()) })
        (self.graph, self.weights, self.shapes) = (graph, weights, shapes)
    }

    /// The network of one convolution or pool; nil for what needs none.
    private static func network(
        of node: FusedNode, in graph: NetworkGraph, _ shapes: [String: ValueShape], _ weights: SafetensorsFile
    ) throws -> Network? {
        guard case .map(let input) = shapes[node.inputs[0]]! else { return nil }
        let operations: [NetworkGraph.Operation]
        switch node.operation {
        case .convolution(let convolution):
            let bare = NetworkGraph.Operation.convolution(
                outputs: convolution.outputs, window: convolution.window, weight: convolution.weight,
                bias: convolution.bias)
            operations = [bare] + (convolution.norm.map { [.batchNorm($0)] } ?? []) + (convolution.relu ? [.relu] : [])
        case .maxPool(let window): operations = [.maxPool(window)]
        case .averagePool(let window, let counted):
            operations = [.averagePool(window, countIncludePadding: counted)]
        default: return nil
        }
        var nodes: [NetworkGraph.Node] = []
        for (i, operation) in operations.enumerated() {
            nodes.append(.init("\(i)", operation, [i == 0 ? NetworkGraph.inputName : "\(i - 1)"]))
        }
        let alone = NetworkGraph(input: input, nodes: nodes, output: nodes.last!.name)
        let own = alone.parameters(shapes: try alone.shapes())
        let tensors = own.map { QuantisedParameters.Tensor(name: $0.name, dtype: "F32", shape: $0.shape) }
        let file = try SafetensorsFile.made(name: weights.name, tensors) { tensor, bytes in
            try weights.withFloats(of: tensor.name) { bytes.copyMemory(from: UnsafeRawBufferPointer($0)) }
        }
        return try Network(graph: alone, weights: file, options: try ExecutionOptions(threads: 1))
    }

    /// Runs `batch` pictures through the network and notes what its feature maps hold.
    /// - Parameter images: (batch, channels, height, width), row-major, finite.
    /// - Throws: `InferenceError`, as `Network.run`.
    public mutating func observe(_ images: [Float], batch: Int) throws {
        var values = [NetworkGraph.inputName: images]
        note(NetworkGraph.inputName, images)
        for layer in layers {
            let node = layer.node
            let input = values[node.inputs[0]]!
            if case .convolution = node.operation { addMeans(node.inputs[0], input) }
            if let network = layer.network {
                let result = try network.run(input, batch: batch).values
                note(node.result, result)
                values[node.result] = result
            } else if node.isConcatenation {
                let parts = node.inputs.map { (values: values[$0]!, count: shapes[$0]!.count) }
                var joined: [Float] = []
                joined.reserveCapacity(batch * shapes[node.result]!.count)
                for image in 0..<batch {
                    for part in parts { joined += part.values[image * part.count..<(image + 1) * part.count] }
                }
                values[node.result] = joined
            }
            for name in layer.dead { values[name] = nil }
        }
        observed += batch
    }

    private mutating func note(_ value: String, _ values: [Float]) {
        values.withUnsafeBufferPointer { histograms[value]?.add($0) }
    }

    private mutating func addMeans(_ value: String, _ values: [Float]) {
        guard case .map(let shape) = shapes[value]! else { return }
        var total = sums[value] ?? Array(repeating: 0, count: shape.channels)
        let plane = shape.pixels
        values.withUnsafeBufferPointer { values in
            for first in stride(from: 0, to: values.count, by: plane) {
                var sum = 0.0
                for i in first..<first + plane { sum += Double(values[i]) }
                total[first / plane % shape.channels] += sum
            }
        }
        sums[value] = total
        pixels[value, default: 0] += Double(values.count / shape.channels)
    }

    /// The int8 weights.
    /// - Throws: `InferenceError` (`invalidInput`) where no picture was observed.
    public func quantised(_ clipping: Clipping = .leastError) throws -> SafetensorsFile {
        guard observed > 0 else {
            throw InferenceError(.invalidInput, "a model is quantised by pictures, and there was none")
        }
        let rule: ActivationHistogram.Clipping =
            switch clipping {
            case .leastError: .leastError
            case .percentile(let percent): .percentile(percent / 100)
            }
        var activations = histograms.mapValues { $0.activation(rule) }
        // Nothing of a picture is cut off.
        activations[NetworkGraph.inputName] = histograms[NetworkGraph.inputName]!.activation(.percentile(1))
        let scales = channelScales(activations)
        var convolutions: [String: QuantisedConvolution] = [:]
        for node in parameters.nodes {
            guard case .convolution(let convolution) = node.operation else { continue }
            let input = node.inputs[0]
            let means = sums[input]!.map { $0 / pixels[input]! }
            convolutions[node.name] = try QuantisedConvolution(
                convolution, node.name, weights, inputScales: scales[input]!, inputMeans: means)
        }
        let floats = Set(parameters.floats.map(\.name))
        var writers: [String: (UnsafeMutableRawBufferPointer) -> Void] = [:]
        for node in parameters.nodes {
            guard let layer = convolutions[node.name] else { continue }
            writers[QuantisedParameters.weight(node)] = { $0.copyBytes(from: layer.weights.map(UInt8.init(bitPattern:))) }
            writers[QuantisedParameters.weightScale(node)] = { to in layer.scales.withUnsafeBytes { to.copyMemory(from: $0) } }
            writers[QuantisedParameters.bias(node)] = { to in layer.bias.withUnsafeBytes { to.copyMemory(from: $0) } }
        }
        for (value, activation) in activations {
            writers[QuantisedParameters.scale(of: value)] = { $0.storeBytes(of: activation.scale, as: Float.self) }
            writers[QuantisedParameters.zeroPoint(of: value)] = { $0[0] = activation.zeroPoint }
        }
        return try SafetensorsFile.made(name: ModelPackage.weightsFile, parameters.tensors) { tensor, bytes in
            if floats.contains(tensor.name) {
                try weights.withFloats(of: tensor.name) { bytes.copyMemory(from: UnsafeRawBufferPointer($0)) }
            } else {
                writers[tensor.name]!(bytes)
            }
        }
    }

    /// The scale of each channel of every feature map.
    private func channelScales(_ activations: [String: QuantisedParameters.Activation]) -> [String: [Double]] {
        func uniform(_ value: String) -> [Double] {
            guard case .map(let shape) = shapes[value]! else { return [] }
            return Array(repeating: Double(activations[value]!.scale), count: shape.channels)
        }
        var scales = [NetworkGraph.inputName: uniform(NetworkGraph.inputName)]
        for node in parameters.nodes {
            switch node.operation {
            case .convolution, .averagePool: scales[node.result] = uniform(node.result)
            case .maxPool: scales[node.result] = scales[node.inputs[0]]
            case .concat: scales[node.result] = node.inputs.flatMap { scales[$0]! }
            default: break
            }
        }
        return scales
    }
}

/// A convolution's weights in bytes.
private struct QuantisedConvolution {
    /// (outputs, inputs, taps), -127 … 127.
    var weights: [Int8]
    /// By output.
    var scales: [Float]
    var bias: [Float]

    init(
        _ convolution: FusedNode.Convolution, _ node: String, _ file: SafetensorsFile, inputScales: [Double],
        inputMeans: [Double]
    ) throws {
        let norm = try convolution.norm.map { try FoldedNorm($0, weights: file) }
        let outputs = convolution.outputs
        let taps = convolution.window.kernel.height * convolution.window.kernel.width
        let count = inputScales.count * taps
        var offsets = [Double](repeating: 0, count: outputs)
        if let name = convolution.bias { offsets = try file.withFloats(of: name) { $0.map(Double.init) } }
        (weights, scales, bias) = ([], [], [])
        weights.reserveCapacity(outputs * count)
        try file.withFloats(of: convolution.weight) { values in
            var folded = [Double](repeating: 0, count: count)
            for o in 0..<outputs {
                var largest = 0.0
                for i in 0..<count {
                    folded[i] = Double(values[o * count + i]) * (norm?.scale[o] ?? 1) * inputScales[i / taps]
                    largest = max(largest, abs(folded[i]))
                }
                guard largest.isFinite, largest < Double(SafetensorsFile.scaleLimit) else {
                    throw InferenceError.nonFiniteWeights(of: node, in: file.name)
                }
                let scale = max(Float(largest / 127), 1 / SafetensorsFile.scaleLimit)
                var shift = offsets[o] * (norm?.scale[o] ?? 1) + (norm?.shift[o] ?? 0)
                for i in 0..<count {
                    let rounded = min(max((folded[i] / Double(scale)).rounded(.toNearestOrEven), -127), 127)
                    weights.append(Int8(rounded))
                    shift += (folded[i] - rounded * Double(scale)) * inputMeans[i / taps] / inputScales[i / taps]
                }
                scales.append(scale)
                bias.append(Float(shift))
            }
        }
    }
}
