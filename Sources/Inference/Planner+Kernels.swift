internal import CKernels

/// The kernels of single nodes: geometry, packed weights, folded norms.
extension Planner {
    func pooling(
        _ window: NetworkGraph.Window, _ operation: lv_pool_operation, _ input: String, _ output: Place,
        _ outputShape: ValueShape
    ) -> lv_pooling {
        guard case .map(let from) = shapes[input]!, case .map(let to) = outputShape else {
            preconditionFailure("shapes were checked")
        }
        var kernel = lv_pooling()
        kernel.set = kernels.cValue
        kernel.operation = operation
        kernel.blocks = blocks[input]!.counts.count
        kernel.place(window, from: from, to: to)
        let dilation = window.dilation ?? Extent(1)
        (kernel.dilation_height, kernel.dilation_width) = (dilation.height, dilation.width)
        kernel.input_image_stride = imageStride(places[input]!, shapes[input]!)
        kernel.output_image_stride = imageStride(output, outputShape)
        return kernel
    }

    func globalPooling(_ input: String) throws -> lv_global_pooling {
        guard case .map(let shape) = shapes[input]! else { preconditionFailure("shapes were checked") }
        var kernel = lv_global_pooling()
        kernel.set = kernels.cValue
        kernel.blocks = blocks[input]!.counts.count
        kernel.pixels = shape.pixels
        kernel.channels = shape.channels
        kernel.block_channels = try memory.constants(blocks[input]!.counts)
        kernel.input_image_stride = imageStride(places[input]!, shapes[input]!)
        return kernel
    }

    func affine(
        _ norm: NetworkGraph.BatchNormParameters?, relu: Bool, _ node: FusedNode
    ) throws -> lv_affine {
        guard case .map(let shape) = shapes[node.result]! else { preconditionFailure("shapes were checked") }
        let division = blocks[node.result]!
        let counts = division.counts
        let folded = try norm.map { try FoldedNorm($0, weights: weights) }
        let floats = counts.count * LV_LANES
        var kernel = lv_affine()
        kernel.set = kernels.cValue
        kernel.blocks = counts.count
        kernel.pixels = shape.pixels
        kernel.relu = relu
        kernel.scale = UnsafePointer(
            try finiteFloats(division.lanes { folded?.scale[$0] ?? 1 }, paddedTo: floats, node.name))
        kernel.shift = UnsafePointer(
            try finiteFloats(division.lanes { folded?.shift[$0] ?? 0 }, paddedTo: floats, node.name))
        kernel.input_image_stride = imageStride(places[node.inputs[0]]!, shapes[node.inputs[0]]!)
        kernel.output_image_stride = imageStride(places[node.result]!, shapes[node.result]!)
        return kernel
    }

    private func maps(_ node: FusedNode) -> (from: FeatureShape, to: FeatureShape) {
        guard case .map(let from) = shapes[node.inputs[0]]!, case .map(let to) = shapes[node.result]! else {
            preconditionFailure("shapes were checked")
        }
        return (from, to)
    }

    func geometry(_ convolution: FusedNode.Convolution, _ node: FusedNode) -> ConvolutionGeometry {
        let (from, to) = maps(node)
        return ConvolutionGeometry(
            window: convolution.window, inputs: from.channels, output: to,
            outputBlocks: blocks[node.result]!.counts.count)
    }

    func convolution(_ convolution: FusedNode.Convolution, _ node: FusedNode) throws -> (lv_convolution, packing: Int) {
        let (from, to) = maps(node)
        let counts = blocks[node.inputs[0]]!.counts
        let window = convolution.window
        let output = places[node.result]!
        var kernel = lv_convolution()
        kernel.set = kernels.cValue
        kernel.planar = readsPlanar(node)
        kernel.relu = convolution.relu
        kernel.place(window, from: from, to: to)
        kernel.block_channels = try memory.constants(counts)
        kernel.blocks = counts.count
        kernel.output_blocks = blocks[node.result]!.counts.count
        kernel.input_image_stride =
            kernel.planar ? from.channels * from.pixels : imageStride(places[node.inputs[0]]!, shapes[node.inputs[0]]!)
        kernel.output_image_stride = imageStride(output, shapes[node.result]!)
        kernel.mode = kernel.fastestMode()

        let norm = try convolution.norm.map { try FoldedNorm($0, weights: weights) }
        kernel.bias = try bias(convolution, norm, blocks: kernel.output_blocks, node)
        var packing = try self.packing(
            convolution.weight, outputs: convolution.outputs, inputs: from.channels, norm: norm)
        packing.form = LV_PACK_CONVOLUTION
        (packing.row_taps, packing.column_taps) = (window.kernel.height, window.kernel.width)
        (packing.block_channels, packing.blocks) = (kernel.block_channels, kernel.blocks)
        return (kernel, packed.add(packing, node.name))
    }

    func winograd(
        _ convolution: FusedNode.Convolution, _ node: FusedNode, _ tiling: ConvolutionTiling
    ) throws -> (lv_winograd, packing: Int) {
        let (from, to) = maps(node)
        let window = convolution.window
        let counts = blocks[node.inputs[0]]!.counts
        var kernel = lv_winograd()
        kernel.set = kernels.cValue
        (kernel.row_tiling, kernel.column_tiling) = (tiling.rows, tiling.columns)
        kernel.relu = convolution.relu
        (kernel.input_height, kernel.input_width) = (from.height, from.width)
        (kernel.output_height, kernel.output_width) = (to.height, to.width)
        (kernel.padding_height, kernel.padding_width) = (window.padding.height, window.padding.width)
        kernel.block_channels = try memory.constants(counts)
        kernel.blocks = counts.count
        kernel.output_blocks = blocks[node.result]!.counts.count
        kernel.input_image_stride = imageStride(places[node.inputs[0]]!, shapes[node.inputs[0]]!)
        kernel.output_image_stride = imageStride(places[node.result]!, shapes[node.result]!)

        let norm = try convolution.norm.map { try FoldedNorm($0, weights: weights) }
        kernel.bias = try bias(convolution, norm, blocks: kernel.output_blocks, node)
        var packing = try self.packing(
            convolution.weight, outputs: convolution.outputs, inputs: from.channels, norm: norm)
        packing.form = LV_PACK_WINOGRAD
        (packing.row_tiling, packing.column_tiling) = (tiling.rows, tiling.columns)
        (packing.row_taps, packing.column_taps) = (window.kernel.height, window.kernel.width)
        return (kernel, packed.add(packing, node.name))
    }

    func bias(
        _ convolution: FusedNode.Convolution, _ norm: FoldedNorm?, blocks: Int, _ node: FusedNode
    ) throws -> UnsafePointer<Float> {
        var bias = try biases(convolution.bias, count: convolution.outputs)
        if let norm { for o in bias.indices { bias[o] = bias[o] * norm.scale[o] + norm.shift[o] } }
        return UnsafePointer(try finiteFloats(bias, paddedTo: blocks * LV_LANES, node.name))
    }

    func linear(_ linear: FusedNode.Linear, _ node: FusedNode) throws -> (lv_linear, packing: Int) {
        guard case .vector(let inputs) = shapes[node.inputs[0]]! else { preconditionFailure("shapes were checked") }
        let inputNorm = try linear.inputNorm.map { try FoldedNorm($0, weights: weights) }
        let outputNorm = try linear.outputNorm.map { try FoldedNorm($0, weights: weights) }
        var bias = try biases(linear.bias, count: linear.outputs)
        if let inputNorm {
            // W(s x + t) + b = (W s) x + (W t + b)
            try weights.withFloats(of: linear.weight) { weight in
                inputNorm.shift.withUnsafeBufferPointer { shift in
                    for o in 0..<linear.outputs {
                        let row = UnsafeBufferPointer(rebasing: weight[o * inputs..<(o + 1) * inputs])
                        var sum = bias[o]
                        for i in 0..<inputs { sum += Double(row[i]) * shift[i] }
                        bias[o] = sum
                    }
                }
            }
        }
        if let outputNorm { for o in bias.indices { bias[o] = bias[o] * outputNorm.scale[o] + outputNorm.shift[o] } }
        var kernel = lv_linear()
        kernel.set = kernels.cValue
        kernel.inputs = inputs
        kernel.outputs = linear.outputs
        kernel.relu = linear.relu
        kernel.bias = UnsafePointer(
            // Whole groups of 64, as the kernel computes them.
            try finiteFloats(bias, paddedTo: (linear.outputs + 63) / 64 * 64, node.name))
        var packing = try self.packing(linear.weight, outputs: linear.outputs, inputs: inputs, norm: outputNorm)
        packing.form = LV_PACK_LINEAR
        if let inputNorm { packing.input_scale = try memory.constants(inputNorm.scale) }
        return (kernel, packed.add(packing, node.name))
    }

    // MARK: Parameters

    private func biases(_ name: String?, count: Int) throws -> [Double] {
        guard let name else { return Array(repeating: 0, count: count) }
        return try weights.withFloats(of: name) { $0.map(Double.init) }
    }

    func finiteFloats(
        _ values: [Double], paddedTo count: Int, _ node: String
    ) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let floats = try memory.floats(values, paddedTo: count)
        guard lv_all_finite(floats, count) else { throw .nonFiniteWeights(of: node, in: weights.name) }
        return floats
    }

    /// A packing of `tensor` but for its form: where the weights lie, and what they are scaled by.
    private func packing(_ tensor: String, outputs: Int, inputs: Int, norm: FoldedNorm?) throws -> lv_packing {
        var packing = lv_packing()
        packing.set = kernels.cValue
        (packing.outputs, packing.inputs, packing.row_taps, packing.column_taps) = (outputs, inputs, 1, 1)
        if let norm { packing.output_scale = try memory.constants(norm.scale) }
        if let mapped = try weights.mappedFloats(of: tensor) {
            packing.weights = mapped
        } else {
            // The format doesn't promise alignment.
            packing.weights = try weights.withFloats(of: tensor) { UnsafePointer(try memory.floats($0)) }
        }
        return packing
    }
}
