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
        (kernel.input_height, kernel.input_width) = (from.height, from.width)
        (kernel.output_height, kernel.output_width) = (to.height, to.width)
        (kernel.kernel_height, kernel.kernel_width) = (window.kernel.height, window.kernel.width)
        (kernel.stride_height, kernel.stride_width) = (window.stride.height, window.stride.width)
        (kernel.padding_height, kernel.padding_width) = (window.padding.height, window.padding.width)
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
        kernel.block_channels = try memory.bytes(blocks[input]!.counts)
        kernel.input_image_stride = imageStride(places[input]!, shapes[input]!)
        return kernel
    }

    func affine(
        _ norm: NetworkGraph.BatchNormParameters?, relu: Bool, _ node: FusedNode
    ) throws -> lv_affine {
        guard case .map(let shape) = shapes[node.result]! else { preconditionFailure("shapes were checked") }
        let counts = blocks[node.result]!.counts
        let folded = try norm.map { try FoldedNorm($0, weights: weights) }
        /// Per lane of every block; the lanes beyond a block's channels stay zero.
        func lanes(_ value: (Int) -> Double) -> [Double] {
            var channel = 0
            return counts.flatMap { count in
                (0..<LV_LANES).map { lane in
                    guard lane < count else { return 0 }
                    defer { channel += 1 }
                    return value(channel)
                }
            }
        }
        let floats = counts.count * LV_LANES
        var kernel = lv_affine()
        kernel.set = kernels.cValue
        kernel.blocks = counts.count
        kernel.pixels = shape.pixels
        kernel.relu = relu
        kernel.scale = UnsafePointer(
            try finiteFloats(lanes { folded?.scale[$0] ?? 1 }, paddedTo: floats, node.name))
        kernel.shift = UnsafePointer(
            try finiteFloats(lanes { folded?.shift[$0] ?? 0 }, paddedTo: floats, node.name))
        kernel.input_image_stride = imageStride(places[node.inputs[0]]!, shapes[node.inputs[0]]!)
        kernel.output_image_stride = imageStride(places[node.result]!, shapes[node.result]!)
        return kernel
    }

    func convolution(
        _ convolution: FusedNode.Convolution, _ node: FusedNode, planar: Bool
    ) throws -> lv_convolution {
        guard case .map(let from) = shapes[node.inputs[0]]!, case .map(let to) = shapes[node.result]! else {
            preconditionFailure("shapes were checked")
        }
        let counts = blocks[node.inputs[0]]!.counts
        let window = convolution.window
        let output = places[node.result]!
        var kernel = lv_convolution()
        kernel.set = kernels.cValue
        kernel.planar = planar
        kernel.relu = convolution.relu
        (kernel.input_height, kernel.input_width) = (from.height, from.width)
        (kernel.output_height, kernel.output_width) = (to.height, to.width)
        (kernel.kernel_height, kernel.kernel_width) = (window.kernel.height, window.kernel.width)
        (kernel.stride_height, kernel.stride_width) = (window.stride.height, window.stride.width)
        (kernel.padding_height, kernel.padding_width) = (window.padding.height, window.padding.width)
        kernel.block_channels = try memory.bytes(counts)
        kernel.blocks = counts.count
        kernel.output_blocks = blocks[node.result]!.counts.count
        kernel.input_image_stride =
            planar ? from.channels * from.pixels : imageStride(places[node.inputs[0]]!, shapes[node.inputs[0]]!)
        kernel.output_image_stride = imageStride(output, shapes[node.result]!)
        kernel.mode = kernel.fastestMode()

        let norm = try convolution.norm.map { try FoldedNorm($0, weights: weights) }
        var bias = try biases(convolution.bias, count: convolution.outputs)
        if let norm { for o in bias.indices { bias[o] = bias[o] * norm.scale[o] + norm.shift[o] } }
        kernel.bias = UnsafePointer(
            try finiteFloats(bias, paddedTo: kernel.output_blocks * LV_LANES, node.name))
        kernel.weights = try packed(
            convolution.weight, node, outputs: convolution.outputs, inputs: from.channels,
            taps: window.kernel.height * window.kernel.width, counts: counts, outputScale: norm?.scale, inputScale: nil,
            count: lv_packed_convolution_count, pack: lv_pack_convolution)
        return kernel
    }

    func linear(_ linear: FusedNode.Linear, _ node: FusedNode) throws -> lv_linear {
        guard case .vector(let inputs) = shapes[node.inputs[0]]! else { preconditionFailure("shapes were checked") }
        let inputNorm = try linear.inputNorm.map { try FoldedNorm($0, weights: weights) }
        let outputNorm = try linear.outputNorm.map { try FoldedNorm($0, weights: weights) }
        var bias = try biases(linear.bias, count: linear.outputs)
        if let inputNorm {
            // W(s x + t) + b = (W s) x + (W t + b)
            try weights.withFloats(of: linear.weight) { weight in
                for o in 0..<linear.outputs {
                    for i in 0..<inputs { bias[o] += Double(weight[o * inputs + i]) * inputNorm.shift[i] }
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
            try finiteFloats(bias, paddedTo: lv_packed_linear_count(linear.outputs, 1), node.name))
        kernel.weights = try packed(
            linear.weight, node, outputs: linear.outputs, inputs: inputs, taps: 1, counts: [],
            outputScale: outputNorm?.scale, inputScale: inputNorm?.scale,
            count: { lv_packed_linear_count($0!.pointee.outputs, $0!.pointee.inputs) }, pack: lv_pack_linear)
        return kernel
    }

    // MARK: Parameters

    private func biases(_ name: String?, count: Int) throws -> [Double] {
        guard let name else { return Array(repeating: 0, count: count) }
        return try weights.withFloats(of: name) { $0.map(Double.init) }
    }

    private func finiteFloats(
        _ values: [Double], paddedTo count: Int, _ node: String
    ) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let floats = try memory.floats(values, paddedTo: count)
        guard lv_all_finite(floats, count) else { throw nonFinite(node) }
        return floats
    }

    private func nonFinite(_ node: String) -> InferenceError {
        InferenceError(
            .nonFiniteWeights,
            "the weights of “\(node)” in \(weights.name) are infinite or not numbers: "
                + "the file is damaged or was saved from a failed training")
    }

    private func packed(
        _ tensor: String, _ node: FusedNode, outputs: Int, inputs: Int, taps: Int, counts: [UInt8],
        outputScale: [Double]?, inputScale: [Double]?, count: (UnsafePointer<lv_weights>?) -> Int,
        pack: (UnsafePointer<lv_weights>?, UnsafeMutablePointer<Float>?) -> Bool
    ) throws -> UnsafePointer<Float> {
        try weights.withFloats(of: tensor) { values in
            try outputScale.withOptionalPointer { outputScale in
                try inputScale.withOptionalPointer { inputScale in
                    try counts.withUnsafeBufferPointer { counts in
                        var source = lv_weights(
                            weights: values.baseAddress, output_scale: outputScale, input_scale: inputScale,
                            outputs: outputs, inputs: inputs, taps: taps, block_channels: counts.baseAddress,
                            blocks: counts.count)
                        let packed = try memory.floats(count(&source))
                        guard pack(&source, packed) else { throw nonFinite(node.name) }
                        return UnsafePointer(packed)
                    }
                }
            }
        }
    }
}

extension Optional where Wrapped == [Double] {
    fileprivate func withOptionalPointer<R>(_ body: (UnsafePointer<Double>?) throws -> R) rethrows -> R {
        guard let self else { return try body(nil) }
        return try self.withUnsafeBufferPointer { try body($0.baseAddress) }
    }
}
