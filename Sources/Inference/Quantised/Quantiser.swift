internal import CKernels

/// Makes int8 weights of float32 ones: runs the network on calibration pictures, layer by layer, and chooses from what
/// it saw how each feature map is stored.
///
/// - Feature maps: bytes reach as far as makes the squared error of all values seen least, or to a percentile. Without
///   negative values (after ReLU) the zero point is 0. What becomes floats again is not clipped, and each of its channels
///   has a scale.
/// - Weights: batch norms and the scales of the input's channels are folded in, in double precision; then the largest
///   of each output channel becomes 127.
/// - Biases: layer after layer, on inputs as the quantised layers before give them, each output channel's mean is made
///   the float32 network's (Nagel et al. 2019, arXiv:1906.04721, section 4.2, from data).
public struct Quantiser {
    /// From where on the bytes of a feature map clip.
    public enum Clipping: Sendable, Equatable {
        /// Where the squared error over the calibration pictures is least.
        case leastError
        /// At this share of all values, in percent, 90 to 100.
        case percentile(Double)
    }

    /// Pictures that biases are corrected by, whose feature maps of a layer are in memory all at once: at full size some
    /// hundred megabytes.
    private static let kept = 64

    private let graph: NetworkGraph
    private let weights: SafetensorsFile
    private let shapes: [String: ValueShape]
    private let parameters: QuantisedParameters
    private let layers: [CalibrationLayer]
    private var histograms: [String: ActivationHistogram]
    /// The largest magnitudes seen, by channel.
    private var largest: [String: [Float]] = [:]
    private var images: [[Float]] = []
    /// How many pictures were observed.
    public private(set) var observed = 0

    /// - Throws: `InferenceError` (`invalidGraph`) where the network has what is not quantised, and what `Network.init`
    ///   throws.
    public init(graph: NetworkGraph, weights: SafetensorsFile) throws {
        let shapes = try graph.shapes()
        try graph.check(weights, shapes: shapes)
        parameters = try QuantisedParameters(graph, shapes: shapes)
        layers = try CalibrationLayer.layers(parameters.nodes, shapes, weights)
        histograms = Dictionary(uniqueKeysWithValues: parameters.values.map { ($0, ActivationHistogram()) })
        (self.graph, self.weights, self.shapes) = (graph, weights, shapes)
    }

    /// Runs `batch` pictures through the network and notes what its feature maps hold.
    /// - Parameter images: (batch, channels, height, width), row-major, finite.
    /// - Throws: `InferenceError`, as `Network.run`.
    public mutating func observe(_ images: [Float], batch: Int) throws {
        let count = shapes[NetworkGraph.inputName]!.count
        guard batch > 0, images.count == batch * count else {
            throw InferenceError(.invalidInput, "\(images.count) values are no \(batch) pictures of \(count)")
        }
        for image in 0..<batch where self.images.count < Self.kept {
            self.images.append(Array(images[image * count..<(image + 1) * count]))
        }
        var values = [NetworkGraph.inputName: images]
        note(NetworkGraph.inputName, images)
        for layer in layers {
            let result = try layer.run(values, shapes, batch: batch)
            note(layer.node.result, result)
            values[layer.node.result] = result
            for name in layer.dead { values[name] = nil }
        }
        observed += batch
    }

    private mutating func note(_ value: String, _ values: [Float]) {
        guard histograms[value] != nil, case .map(let shape) = shapes[value]! else { return }
        var largest = self.largest[value] ?? Array(repeating: 0, count: shape.channels)
        values.withUnsafeBufferPointer { values in
            histograms[value]!.add(values)
            for first in stride(from: 0, to: values.count, by: shape.pixels) {
                let channel = first / shape.pixels % shape.channels
                var (low, high) = (-largest[channel], largest[channel])
                lv_extremes(values.baseAddress! + first, shape.pixels, &low, &high)
                largest[channel] = max(-low, high)
            }
        }
        self.largest[value] = largest
    }

    /// The int8 weights.
    /// - Throws: `InferenceError` (`invalidInput`) where no picture was observed.
    public func quantised(_ clipping: Clipping = .leastError) throws -> SafetensorsFile {
        guard observed > 0 else {
            throw InferenceError(.invalidInput, "a model is quantised by pictures, and there was none")
        }
        let activations = activations(clipping)
        var made: [String: (UnsafeMutableRawBufferPointer) -> Void] = [:]
        func add<Value: BitwiseCopyable>(_ name: String, _ values: [Value]) {
            made[name] = { to in values.withUnsafeBytes { to.copyMemory(from: $0) } }
        }
        for value in parameters.values {
            add(QuantisedParameters.scale(of: value), activations[value]!.scale)
            add(QuantisedParameters.zeroPoint(of: value), activations[value]!.zeroPoint)
        }
        for (node, convolution) in try convolutions(activations) {
            add(QuantisedParameters.weight(node), convolution.weights)
            add(QuantisedParameters.weightScale(node), convolution.scales)
            add(QuantisedParameters.bias(node), convolution.bias)
        }
        return try SafetensorsFile.made(name: ModelPackage.weightsFile, parameters.tensors) { tensor, bytes in
            if let write = made[tensor.name] { return write(bytes) }
            try weights.withFloats(of: tensor.name) { bytes.copyMemory(from: UnsafeRawBufferPointer($0)) }
        }
    }

    /// How every feature map is stored.
    private func activations(_ clipping: Clipping) -> [String: QuantisedParameters.Activation] {
        let rule: ActivationHistogram.Clipping =
            switch clipping {
            case .leastError: .leastError
            case .percentile(let percent): .percentile(percent / 100)
            }
        let last = onlyDequantised()
        var activations: [String: QuantisedParameters.Activation] = [:]
        for value in parameters.values {
            let isLast = last.contains(value)
            // Nothing of a picture is cut off, nor of what becomes floats again: its maxima count.
            let whole = value == NetworkGraph.inputName || isLast
            let (low, high) = histograms[value]!.bounds(whole ? .percentile(1) : rule)
            let magnitudes = largest[value]!
            activations[value] = QuantisedParameters.Activation(
                scale: magnitudes.map { magnitude in
                    // The scales of a convolution's input are part of its weights: channels of one scale round these
                    // least. What becomes floats can have a scale for each channel; of one that is always 0, any.
                    let share = isLast && magnitude > 0 ? min(Double(magnitude) / max(low, high), 1) : 1
                    return max(Float((low + high) / 255 * share), 1 / SafetensorsFile.scaleLimit)
                },
                zeroPoint: Array(repeating: UInt8((low / (low + high) * 255).rounded()), count: magnitudes.count))
        }
        for layer in layers {
            switch layer.node.operation {
            case .maxPool, .concat:
                let inherited = layer.node.inputs.map { activations[$0]! }
                activations[layer.node.result] = QuantisedParameters.Activation(
                    scale: inherited.flatMap(\.scale), zeroPoint: inherited.flatMap(\.zeroPoint))
            default: continue
            }
        }
        return activations
    }

    /// Feature maps that no convolution or average pool reads, not even as a part of another.
    private func onlyDequantised() -> Set<String> {
        var convolved: Set<String> = []
        for node in parameters.nodes.reversed() {
            switch node.operation {
            case .convolution, .averagePool: convolved.formUnion(node.inputs)
            case .maxPool, .concat: if convolved.contains(node.result) { convolved.formUnion(node.inputs) }
            default: break
            }
        }
        return Set(parameters.values).subtracting(convolved)
    }

    /// Quantises convolutions in order, and corrects their biases by running both networks as far as they go.
    private func convolutions(
        _ activations: [String: QuantisedParameters.Activation]
    ) throws -> [(FusedNode, QuantisedConvolution)] {
        let name = NetworkGraph.inputName
        let batch = images.count
        var exact = [name: images.flatMap { $0 }]
        var stored = [name: activations[name]!.rounded(exact[name]!, shapes[name]!)]
        var convolutions: [(FusedNode, QuantisedConvolution)] = []
        for layer in layers {
            let node = layer.node
            exact[node.result] = try layer.run(exact, shapes, batch: batch, withReLU: false)
            if case .convolution(let convolution) = node.operation {
                var quantised = try QuantisedConvolution(
                    convolution, node.name, weights, inputScales: activations[node.inputs[0]]!.scale)
                let file = try quantised.dequantised(
                    inputScales: activations[node.inputs[0]]!.scale, window: convolution.window)
                let again = try CalibrationLayer(dequantised: node, shapes, file)
                stored[node.result] = try again.run(stored, shapes, batch: batch, withReLU: false)
                quantised.correct(
                    &stored[node.result]!, towards: exact[node.result]!, channels: convolution.outputs, batch: batch)
                if convolution.relu {
                    exact[node.result]!.rectify()
                    stored[node.result]!.rectify()
                }
                convolutions.append((node, quantised))
            } else {
                stored[node.result] = try layer.run(stored, shapes, batch: batch)
            }
            if histograms[node.result] != nil {
                stored[node.result] = activations[node.result]!.rounded(stored[node.result]!, shapes[node.result]!)
            }
            for name in layer.dead { (exact[name], stored[name]) = (nil, nil) }
        }
        return convolutions
    }
}
