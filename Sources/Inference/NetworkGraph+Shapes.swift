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
    static let extentLimit = 1 << 18
    static let valueLimit = 1 << 31

    /// The shape of every node's result and of the input, by name.
    /// - Throws: `InferenceError` (`invalidGraph`) that names the node.
    public func shapes() throws(InferenceError) -> [String: ValueShape] {
        for extent in [input.channels, input.height, input.width] where !(1...Self.extentLimit ~= extent) {
            throw InferenceError(.invalidGraph, "the network's input has an extent of \(extent)")
        }
        guard input.channels * input.pixels <= Self.valueLimit else {
            throw InferenceError(.invalidGraph, "the network's input is too large")
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
        switch operation {
        case .add, .multiply: return try paired(inputs)
        default: guard inputs.count == 1 else { throw invalid("it takes 1 input, not \(inputs.count)") }
        }
        switch (operation, inputs[0]) {
        case (.convolution(let outputs, let window, _, _), .map(let shape)):
            return .map(try convolved(outputs, window, shape))
        case (.groupedConvolution(let outputs, let groups, let window, _, _), .map(let shape)):
            guard groups >= 1, shape.channels % groups == 0, outputs % groups == 0 else {
                throw invalid("\(shape.channels) inputs and \(outputs) outputs can't be divided into \(groups) groups")
            }
            return .map(try convolved(outputs, window, shape))
        case (.maxPool(let window), .map(let shape)):
            return .map(try pooled(window, shape))
        case (.averagePool(let window, _), .map(let shape)):
            guard (window.dilation ?? Extent(1)) == Extent(1) else { throw invalid("an average pool can't be dilated") }
            return .map(try pooled(window, shape))
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
        case (.activation, let shape), (.prelu, let shape): return shape
        case (.responseNorm(let norm), .map(let shape)):
            guard 1...(1 << 16) ~= norm.size, norm.bias > 0, norm.bias <= 1e6, 0...1e6 ~= norm.alpha,
                0...100 ~= norm.beta
            else { throw invalid("its size, alpha, beta or bias is out of range") }
            return .map(shape)
        case (.border(let border), .map(let shape)): return .map(try bordered(border, shape))
        case (.shuffle(let groups), .map(let shape)):
            guard groups >= 1, shape.channels % groups == 0 else {
                throw invalid("\(shape.channels) channels can't be divided into \(groups) groups")
            }
            return .map(shape)
        case (.flatten, .map): return .vector(inputs[0].count)
        case (.unflatten(let shape), .vector(let count)):
            let extents = [shape.channels, shape.height, shape.width]
            guard extents.allSatisfy({ 1...NetworkGraph.extentLimit ~= $0 }), shape.channels * shape.pixels == count
            else { throw invalid("\(count) elements are no feature map of \(extents)") }
            return .map(shape)
        case (.strided(let extents, let strides, let offset), .vector(let count)):
            return .vector(try selected(extents, strides, offset, from: count))
        case (.softmaxAlong(let length, let inner, _), .vector(let count)):
            guard 1...count ~= length, 1...count ~= inner, count % (length * inner) == 0 else {
                throw invalid("\(count) elements are no rows of \(length) × \(inner)")
            }
            return .vector(count)
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

    private func paired(_ inputs: [ValueShape]) throws(InferenceError) -> ValueShape {
        guard inputs.count == 2, inputs[0] == inputs[1] else { throw invalid("it takes 2 inputs of one shape") }
        return inputs[0]
    }

    private func convolved(
        _ outputs: Int, _ window: NetworkGraph.Window, _ shape: FeatureShape
    ) throws(InferenceError) -> FeatureShape {
        try checkOutputs(outputs)
        // A kernel of this size is a layer nobody has; the engine's tap table ends there.
        guard 1...256 ~= window.kernel.height, 1...256 ~= window.kernel.width,
            window.kernel.height * window.kernel.width <= 256
        else { throw invalid("a kernel has 1 to 256 taps") }
        return try slid(window, over: shape, channels: outputs)
    }

    private func pooled(
        _ window: NetworkGraph.Window, _ shape: FeatureShape
    ) throws(InferenceError) -> FeatureShape {
        let result = try slid(window, over: shape, channels: shape.channels)
        func sees(_ length: Int, _ outputs: Int, _ side: KeyPath<Extent, Int>) -> Bool {
            let (padding, kernel) = (window.padding[keyPath: side], window.kernel[keyPath: side])
            let (stride, dilation) = (window.stride[keyPath: side], (window.dilation ?? Extent(1))[keyPath: side])
            return (0..<outputs).allSatisfy { output in
                let start = output * stride - padding
                let tap = start < 0 ? (dilation - 1 - start) / dilation : 0
                return tap < kernel && start + tap * dilation < length
            }
        }
        guard sees(shape.height, result.height, \.height), sees(shape.width, result.width, \.width) else {
            throw invalid("some of its windows lie on padding alone")
        }
        return result
    }

    private func bordered(
        _ border: NetworkGraph.Border, _ shape: FeatureShape
    ) throws(InferenceError) -> FeatureShape {
        let added = [border.start.height, border.start.width, border.end.height, border.end.width]
        guard added.allSatisfy({ 0...(1 << 16) ~= $0 }) else { throw invalid("its border is out of range") }
        switch border.fill {
        case .constant(let value): guard value.isFinite else { throw invalid("its value is no number") }
        case .reflect:
            guard max(added[0], added[2]) < shape.height, max(added[1], added[3]) < shape.width else {
                throw invalid("a picture can't be mirrored over more than its own size")
            }
        case .edge: break
        }
        return FeatureShape(
            channels: shape.channels, height: shape.height + added[0] + added[2],
            width: shape.width + added[1] + added[3])
    }

    /// The number of elements that a strided selection takes, all of them within the vector.
    private func selected(
        _ extents: [Int], _ strides: [Int], _ offset: Int, from count: Int
    ) throws(InferenceError) -> Int {
        let limit = NetworkGraph.valueLimit
        var (lowest, highest, elements) = (offset, offset, 1)
        let valid =
            1...8 ~= extents.count && extents.count == strides.count && 0..<count ~= offset
            && extents.allSatisfy { 1...limit ~= $0 } && strides.allSatisfy { -limit...limit ~= $0 }
        guard valid else { throw invalid("its extents, strides or offset are out of range") }
        for (extent, stride) in zip(extents, strides) {
            // At most 2^62.
            let reach = (extent - 1) * stride
            if reach < 0 { lowest += reach } else { highest += reach }
            elements *= extent
            guard elements <= limit, lowest >= 0, highest < count else {
                throw invalid("it selects more than there is")
            }
        }
        return elements
    }

    private func slid(
        _ window: NetworkGraph.Window, over shape: FeatureShape, channels: Int
    ) throws(InferenceError) -> FeatureShape {
        let (end, dilation) = (window.endPadding ?? window.padding, window.dilation ?? Extent(1))
        func extent(_ length: Int, _ side: KeyPath<Extent, Int>) throws(InferenceError) -> Int {
            let (kernel, stride) = (window.kernel[keyPath: side], window.stride[keyPath: side])
            let (padding, end) = (window.padding[keyPath: side], end[keyPath: side])
            let dilation = dilation[keyPath: side]
            guard [kernel, stride, dilation].allSatisfy({ 1...(1 << 18) ~= $0 }),
                [padding, end].allSatisfy({ 0...(1 << 16) ~= $0 })
            else { throw invalid("its kernel, stride, dilation or padding is out of range") }
            let span = (kernel - 1) * dilation + 1
            guard length + padding + end >= span else {
                throw invalid("a kernel over \(span) doesn't fit into \(length) pixels padded by \(padding) and \(end)")
            }
            return (length + padding + end - span) / stride + 1
        }
        return FeatureShape(
            channels: channels, height: try extent(shape.height, \.height), width: try extent(shape.width, \.width))
    }
}
