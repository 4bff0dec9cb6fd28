internal import CKernels

/// The kernels that Inception-v4 doesn't need.
extension Planner {
    /// The kernel of `node`, and what measurements call it; nil where it is one of those that `draft` makes itself.
    func operatorKernel(_ node: FusedNode) throws -> (kernel: OperatorKernel, description: String, multiplyAdds: Int)? {
        let input = node.inputs[0]
        let count = shapes[input]!.count
        switch node.operation {
        case .convolution(let convolution) where !convolution.isPlain:
            let kernel = try groupedConvolution(convolution, node)
            let products = kernel.group_inputs * kernel.kernel_height * kernel.kernel_width
            let description = "grouped convolution at \(kernel.output_height)×\(kernel.output_width)"
            return (
                .groupedConvolution(kernel), description,
                kernel.output_height * kernel.output_width * kernel.output_blocks * LV_LANES * products
            )
        case .scaleShift(let norm):
            let folded = try FoldedNorm(norm, weights: weights)
            var kernel = try elementwise(node, LV_SCALE_SHIFT)
            kernel.a = UnsafePointer(try finiteFloats(folded.scale, paddedTo: count, node.name))
            kernel.b = UnsafePointer(try finiteFloats(folded.shift, paddedTo: count, node.name))
            return (.elementwise(kernel), "batch norm", 0)
        case .prelu(let slope):
            var kernel = try elementwise(node, LV_PRELU)
            let slopes = try weights.withFloats(of: slope) { $0.map(Double.init) }
            let lanes = blocks[node.result].map { $0.lanes { slopes[$0] } } ?? slopes
            kernel.a = UnsafePointer(try finiteFloats(lanes, paddedTo: lanes.count, node.name))
            return (.elementwise(kernel), "activation", 0)
        case .activation(let function): return (.elementwise(try activation(function, node)), "activation", 0)
        case .sum(let relu): return (.binary(try binary(node, LV_ADD, relu: relu)), "sum", 0)
        case .product(let relu): return (.binary(try binary(node, LV_MULTIPLY, relu: relu)), "product", 0)
        case .responseNorm(let norm): return (.responseNorm(try responseNorm(norm, node)), "response norm", 0)
        case .border(let border): return (.border(try self.border(border, node)), "border", 0)
        case .shuffle(let groups): return (.channels(try shuffle(groups, node)), "shuffle", 0)
        case .flatten: return (.layout(try layout(input, count: count, unpack: true)), "layout", 0)
        case .unflatten: return (.layout(try layout(node.result, count: count, unpack: false)), "layout", 0)
        case .strided(let extents, let strides, let offset):
            var kernel = lv_strided()
            kernel.dimensions = extents.count
            (kernel.inputs, kernel.outputs, kernel.offset) = (count, shapes[node.result]!.count, offset)
            withUnsafeMutableBytes(of: &kernel.extents) { $0.copyBytes(from: extents.bytes) }
            withUnsafeMutableBytes(of: &kernel.strides) { $0.copyBytes(from: strides.bytes) }
            return (.strided(kernel), "selection", 0)
        case .softmaxAlong(let length, let inner, let logarithm):
            var kernel = lv_softmax_rows()
            (kernel.outer, kernel.length, kernel.inner) = (count / (length * inner), length, inner)
            kernel.logarithm = logarithm
            return (.softmaxRows(kernel), "softmax", 0)
        case .convolution, .affine, .maxPool, .averagePool, .concat, .globalMaxAveragePool, .linear, .softmax:
            return nil
        }
    }

    /// Floats from one image of the value to the next.
    private func imageStride(_ value: String) -> Int {
        switch shapes[value]! {
        case .map: imageStride(places[value]!, shapes[value]!)
        case .vector(let count): count
        }
    }

    private func map(_ value: String) -> FeatureShape {
        guard case .map(let shape) = shapes[value]! else { preconditionFailure("shapes were checked") }
        return shape
    }

    /// Where each channel of a feature map begins, from the image's start.
    private func channelOffsets(_ value: String) -> [Int] {
        let plane = map(value).pixels * LV_LANES
        return blocks[value]!.counts.enumerated().flatMap { block, count in
            (0..<Int(count)).map { block * plane + $0 }
        }
    }

    private func groupedConvolution(
        _ convolution: FusedNode.Convolution, _ node: FusedNode
    ) throws -> lv_grouped_convolution {
        let (from, to) = (map(node.inputs[0]), map(node.result))
        let (window, dilation) = (convolution.window, convolution.window.dilation ?? Extent(1))
        var kernel = lv_grouped_convolution()
        kernel.set = kernels.cValue
        kernel.relu = convolution.relu
        kernel.place(window, from: from, to: to)
        (kernel.dilation_height, kernel.dilation_width) = (dilation.height, dilation.width)
        kernel.output_blocks = blocks[node.result]!.counts.count
        kernel.group_inputs = from.channels / convolution.groups
        kernel.input_image_stride = imageStride(node.inputs[0])
        kernel.output_image_stride = imageStride(node.result)
        kernel.channel_offsets = try memory.constants(channelOffsets(node.inputs[0]))
        // Lanes without a channel follow the last, with weights of zero.
        let groupOutputs = to.channels / convolution.groups
        let lanes = kernel.output_blocks * LV_LANES
        kernel.first_channels = try memory.constants(
            (0..<lanes).map { min($0, to.channels - 1) / groupOutputs * kernel.group_inputs })
        let norm = try convolution.norm.map { try FoldedNorm($0, weights: weights) }
        kernel.bias = try bias(convolution, norm, blocks: kernel.output_blocks, node)
        let inputs = kernel.group_inputs * window.kernel.height * window.kernel.width
        let packed = try memory.floats(lanes * inputs)
        try weights.withFloats(of: convolution.weight) { weight in
            for output in 0..<to.channels {
                let row = packed + output / LV_LANES * inputs * LV_LANES + output % LV_LANES
                for i in 0..<inputs {
                    row[i * LV_LANES] = Float(Double(weight[output * inputs + i]) * (norm?.scale[output] ?? 1))
                }
            }
        }
        guard lv_all_finite(packed, lanes * inputs) else {
            throw InferenceError.nonFiniteWeights(of: node.name, in: weights.name)
        }
        kernel.weights = UnsafePointer(packed)
        return kernel
    }

    private func elementwise(_ node: FusedNode, _ function: lv_function) throws -> lv_elementwise {
        var kernel = lv_elementwise()
        kernel.set = kernels.cValue
        kernel.function = function
        (kernel.blocks, kernel.block_floats, kernel.block_channels) = try divided(node.result)
        kernel.input_image_stride = imageStride(node.inputs[0])
        kernel.output_image_stride = imageStride(node.result)
        return kernel
    }

    /// A feature map's blocks; a vector is one block, whose lanes are all used.
    private func divided(_ value: String) throws -> (blocks: Int, floats: Int, channels: UnsafePointer<UInt8>?) {
        switch shapes[value]! {
        case .map(let shape):
            let counts = blocks[value]!.counts
            return (counts.count, shape.pixels * LV_LANES, try memory.constants(counts))
        case .vector(let count): return (1, count, nil)
        }
    }

    private func activation(_ function: NetworkGraph.Activation, _ node: FusedNode) throws -> lv_elementwise {
        func kernel(_ function: lv_function, _ alpha: Float = 0, _ beta: Float = 0) throws -> lv_elementwise {
            var kernel = try elementwise(node, function)
            (kernel.alpha, kernel.beta) = (alpha, beta)
            return kernel
        }
        switch function {
        case .clip(let lower, let upper): return try kernel(LV_CLIP, lower, upper)
        case .leakyRelu(let slope): return try kernel(LV_LEAKY_RELU, slope)
        case .hardSigmoid(let slope, let offset): return try kernel(LV_HARD_SIGMOID, slope, offset)
        case .sigmoid: return try kernel(LV_SIGMOID)
        case .tanh: return try kernel(LV_TANH)
        case .elu(let alpha): return try kernel(LV_ELU, alpha)
        case .softplus: return try kernel(LV_SOFTPLUS)
        }
    }

    private func binary(_ node: FusedNode, _ operation: lv_binary_operation, relu: Bool) throws -> lv_binary {
        let (first, second) = (node.inputs[0], node.inputs[1])
        var kernel = lv_binary()
        kernel.set = kernels.cValue
        kernel.operation = operation
        kernel.relu = relu
        (kernel.blocks, kernel.block_floats, kernel.block_channels) = try divided(node.result)
        if let counts = blocks[first], counts != blocks[second] {
            let offsets = channelOffsets(second)
            kernel.other_offsets = try memory.constants(counts.lanes(beyond: 0) { offsets[$0] })
        }
        kernel.input_image_stride = imageStride(first)
        kernel.other_image_stride = imageStride(second)
        kernel.output_image_stride = imageStride(node.result)
        return kernel
    }

    private func shuffle(_ groups: Int, _ node: FusedNode) throws -> lv_channels {
        let (input, counts) = (node.inputs[0], blocks[node.result]!)
        let (shape, offsets) = (map(input), channelOffsets(input))
        var kernel = lv_channels()
        (kernel.blocks, kernel.pixels) = (counts.counts.count, shape.pixels)
        kernel.block_channels = try memory.constants(counts.counts)
        kernel.offsets = try memory.constants(
            counts.lanes(beyond: 0) { offsets[$0 % groups * (shape.channels / groups) + $0 / groups] })
        kernel.input_image_stride = imageStride(input)
        kernel.output_image_stride = imageStride(node.result)
        return kernel
    }

    private func responseNorm(_ norm: NetworkGraph.ResponseNorm, _ node: FusedNode) throws -> lv_response_norm {
        let (input, counts) = (node.inputs[0], blocks[node.result]!.counts)
        let shape = map(input)
        var kernel = lv_response_norm()
        (kernel.blocks, kernel.pixels, kernel.channels) = (counts.count, shape.pixels, shape.channels)
        (kernel.before, kernel.after) = ((norm.size - 1) / 2, norm.size / 2)
        (kernel.scale, kernel.beta, kernel.bias) = (norm.alpha / Double(norm.size), norm.beta, norm.bias)
        kernel.block_channels = try memory.constants(counts)
        kernel.channel_offsets = try memory.constants(channelOffsets(input))
        kernel.input_image_stride = imageStride(input)
        kernel.output_image_stride = imageStride(node.result)
        return kernel
    }

    private func border(_ border: NetworkGraph.Border, _ node: FusedNode) throws -> lv_border {
        let (from, to, counts) = (map(node.inputs[0]), map(node.result), blocks[node.result]!.counts)
        var kernel = lv_border()
        kernel.blocks = counts.count
        (kernel.input_height, kernel.input_width) = (from.height, from.width)
        (kernel.output_height, kernel.output_width) = (to.height, to.width)
        kernel.rows = try memory.constants(border.sources(to.height, of: from.height, from: border.start.height))
        kernel.columns = try memory.constants(border.sources(to.width, of: from.width, from: border.start.width))
        if case .constant(let value) = border.fill { kernel.value = value }
        kernel.block_channels = try memory.constants(counts)
        kernel.input_image_stride = imageStride(node.inputs[0])
        kernel.output_image_stride = imageStride(node.result)
        return kernel
    }

    private func layout(_ value: String, count: Int, unpack: Bool) throws -> lv_layout {
        var kernel = lv_layout()
        kernel.unpack = unpack
        kernel.blocks = blocks[value]!.counts.count
        (kernel.pixels, kernel.channels) = (map(value).pixels, map(value).channels)
        kernel.block_channels = try memory.constants(blocks[value]!.counts)
        kernel.input_image_stride = unpack ? imageStride(value) : count
        kernel.output_image_stride = unpack ? count : imageStride(value)
        return kernel
    }
}

extension NetworkGraph.Border {
    /// The row or column of the picture that each of `count` with the border shows, -1 for none.
    fileprivate func sources(_ count: Int, of length: Int, from start: Int) -> [Int32] {
        (0..<count).map { position in
            let place = position - start
            switch fill {
            case .constant: return 0..<length ~= place ? Int32(place) : -1
            case .edge: return Int32(min(max(place, 0), length - 1))
            case .reflect: return Int32(place < 0 ? -place : place < length ? place : 2 * (length - 1) - place)
            }
        }
    }
}

extension [Int] {
    fileprivate var bytes: [UInt8] { withUnsafeBytes(Array<UInt8>.init) }
}
