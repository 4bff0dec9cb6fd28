/// The shape of a node's result for one image.
public enum ValueShape: Sendable, Equatable {
    case map(FeatureShape)
    case vector(Int)

    var count: Int {
        switch self {
        case .map(let shape): shape.channels * shape.pixels
        case .vector(let count): count
        }
    }
}

extension NetworkGraph {
    /// No picture or layer comes near these; they keep products of extents far from overflow.
    private static let extentLimit = 1 << 16
    private static let valueLimit = 1 << 31

    /// The shape of every node's result and of the input, by name.
    /// - Throws: `InferenceError` (`invalidGraph`) that names the node.
    public func shapes() throws(InferenceError) -> [String: ValueShape] {
        for extent in [input.channels, input.height, input.width] where !(1...Self.extentLimit ~= extent) {
            throw InferenceError(.invalidGraph, "the network's input has an extent of \(extent)")
        }
        var shapes = [Self.inputName: ValueShape.map(input)]
        for node in nodes {
            guard shapes[node.name] == nil else { throw node.invalid("its name is used twice") }
            var inputs: [ValueShape] = []
            for name in node.inputs {
                guard let shape = shapes[name] else { throw node.invalid("its input “\(name)” is no earlier node") }
                inputs.append(shape)
            }
            let shape = try node.shape(of: inputs)
            guard shape.count <= Self.valueLimit else { throw node.invalid("its result is too large") }
            shapes[node.name] = shape
        }
        guard output != Self.inputName, shapes[output] != nil else {
            throw InferenceError(.invalidGraph, "the network's output “\(output)” is none of its nodes")
        }
        return shapes
    }
}

extension NetworkGraph.Node {
    func invalid(_ reason: String) -> InferenceError {
        InferenceError(.invalidGraph, "the node “\(name)” can't be computed: \(reason)")
    }

    fileprivate func shape(of inputs: [ValueShape]) throws(InferenceError) -> ValueShape {
        if case .concat = operation { return try concatenated(inputs) }
        guard inputs.count == 1 else { throw invalid("it takes 1 input, not \(inputs.count)") }
        switch (operation, inputs[0]) {
        case (.convolution(let outputs, let window, _, _), .map(let shape)):
            try checkOutputs(outputs)
            // A kernel of this size is a layer nobody has; the engine's tap table ends there.
            guard 1...256 ~= window.kernel.height, 1...256 ~= window.kernel.width,
                window.kernel.height * window.kernel.width <= 256
            else { throw invalid("a kernel has 1 to 256 taps") }
            return .map(try slid(window, over: shape, channels: outputs))
        case (.maxPool(let window), .map(let shape)), (.averagePool(let window, _), .map(let shape)):
            // As PyTorch asks: then every window holds a pixel of the picture.
            guard window.padding.height * 2 <= window.kernel.height, window.padding.width * 2 <= window.kernel.width
            else { throw invalid("padding is more than half of the kernel") }
            return .map(try slid(window, over: shape, channels: shape.channels))
        case (.globalMaxAveragePool, .map(let shape)): return .vector(2 * shape.channels)
        case (.linear(let outputs, _, _), .vector):
            try checkOutputs(outputs)
            return .vector(outputs)
        case (.batchNorm(let parameters), let shape):
            guard parameters.epsilon >= 0, parameters.epsilon.isFinite else {
                throw invalid("its epsilon is no small number")
            }
            return shape
        case (.relu, let shape): return shape
        case (.softmax, .vector(let count)): return .vector(count)
        case (_, .vector): throw invalid("it takes a feature map, not a vector")
        case (_, .map): throw invalid("it takes a vector, not a feature map")
        }
    }

    private func checkOutputs(_ outputs: Int) throws(InferenceError) {
        guard 1...(1 << 16) ~= outputs else { throw invalid("it has \(outputs) outputs") }
    }

    private func concatenated(_ inputs: [ValueShape]) throws(InferenceError) -> ValueShape {
        guard case .map(var joined)? = inputs.first else { throw invalid("it takes one feature map or more") }
        for input in inputs.dropFirst() {
            guard case .map(let shape) = input, shape.height == joined.height, shape.width == joined.width else {
                throw invalid("its inputs are not feature maps of the same height and width")
            }
            joined.channels += shape.channels
        }
        return .map(joined)
    }

    private func slid(
        _ window: NetworkGraph.Window, over shape: FeatureShape, channels: Int
    ) throws(InferenceError) -> FeatureShape {
        func extent(_ length: Int, _ kernel: Int, _ stride: Int, _ padding: Int) throws(InferenceError) -> Int {
            guard 1...(1 << 16) ~= kernel, 1...(1 << 16) ~= stride, 0...(1 << 16) ~= padding else {
                throw invalid("its kernel, stride or padding is out of range")
            }
            guard length + 2 * padding >= kernel else {
                throw invalid("a kernel of \(kernel) doesn't fit into \(length) pixels padded by \(padding)")
            }
            return (length + 2 * padding - kernel) / stride + 1
        }
        return FeatureShape(
            channels: channels,
            height: try extent(shape.height, window.kernel.height, window.stride.height, window.padding.height),
            width: try extent(shape.width, window.kernel.width, window.stride.width, window.padding.width))
    }
}
