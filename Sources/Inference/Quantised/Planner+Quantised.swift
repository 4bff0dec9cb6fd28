internal import CKernels

/// The steps of a quantised plan that touch feature maps.
extension Planner {
    /// What the bytes of a feature map stand for, by lane of its blocks.
    struct QuantisedLanes {
        var scale: [Float]
        var zero: [Int32]

        static func + (a: Self, b: Self) -> Self { Self(scale: a.scale + b.scale, zero: a.zero + b.zero) }
    }

    /// What a quantised plan needs beside the planner's own.
    struct Quantisation {
        var parameters: QuantisedParameters
        var lanes: [String: QuantisedLanes] = [:]
        /// Bytes of a pixel of the network's input.
        var inputPixelBytes = Int(LV_LANES)
    }

    /// Finds the lanes of every feature map, after channels were divided.
    mutating func quantise(_ nodes: [FusedNode]) throws {
        guard var quantisation else { return }
        func lanes(_ value: String) throws -> QuantisedLanes {
            let activation = try quantisation.parameters.activation(value, in: weights)
            return QuantisedLanes(
                scale: blocks[value]!.lanes(beyond: 1) { activation.scale[$0] },
                zero: blocks[value]!.lanes(beyond: 0) { Int32(activation.zeroPoint[$0]) })
        }
        quantisation.lanes[NetworkGraph.inputName] = try lanes(NetworkGraph.inputName)
        for node in quantisation.parameters.nodes {
            switch node.operation {
            case .convolution, .averagePool: quantisation.lanes[node.result] = try lanes(node.result)
            case .maxPool: quantisation.lanes[node.result] = quantisation.lanes[node.inputs[0]]
            case .concat:
                let empty = QuantisedLanes(scale: [], zero: [])
                quantisation.lanes[node.result] = node.inputs.reduce(empty) { $0 + quantisation.lanes[$1]! }
            default: break
            }
        }
        let onlyConvolved = nodes.allSatisfy { node in
            guard node.inputs.contains(NetworkGraph.inputName) else { return true }
            guard case .convolution(let convolution) = node.operation else { return false }
            return convolution.window.stride.width <= 2
        }
        if onlyConvolved && graph.input.channels <= LV_QUAD { quantisation.inputPixelBytes = Int(LV_QUAD) }
        self.quantisation = quantisation
    }

    private func pixelBytes(_ value: String) -> Int {
        value == NetworkGraph.inputName ? quantisation!.inputPixelBytes : Int(LV_LANES)
    }

    /// Bytes from one image of a feature map to the next.
    private func imageBytes(_ value: String) -> Int {
        let place = places[value]!
        guard case .map(let shape) = shapes[value]! else { preconditionFailure("vectors are not quantised") }
        return place.bufferBlocks * shape.pixels * pixelBytes(value)
    }

    /// From the caller's floats to bytes.
    mutating func quantisedInput() throws -> Draft {
        let name = NetworkGraph.inputName
        let place = place(name)
        let activation = try quantisation!.parameters.activation(name, in: weights)
        var kernel = lv_quantised_input()
        kernel.set = kernels.cValue
        kernel.pixel_bytes = pixelBytes(name)
        kernel.channels = graph.input.channels
        kernel.pixels = graph.input.pixels
        kernel.scale = try memory.constants(activation.scale.map { Float(1 / Double($0)) })
        kernel.shift = try memory.constants(activation.zeroPoint.map(Float.init))
        kernel.input_image_stride = graph.input.channels * graph.input.pixels
        kernel.output_image_stride = imageBytes(name)
        return Draft(
            description: "layout", kernel: .quantised(.input(kernel)), output: place,
            inputShape: shapes[name]!, outputShape: shapes[name]!)
    }

    /// The step of a node on feature maps, concatenations apart.
    func quantisedDraft(_ node: FusedNode) throws -> Draft {
        let input = node.inputs[0]
        let kernel: QuantisedKernel
        let description: String
        var multiplyAdds = 0
        var packing: Int?
        switch node.operation {
        case .convolution(let convolution):
            let geometry = self.geometry(convolution, node)
            description = geometry.description(nil)
            multiplyAdds = geometry.multiplyAdds(nil)
            let (direct, number) = try quantisedConvolution(convolution, node)
            (kernel, packing) = (.convolution(direct), number)
        case .maxPool(let window):
            description = "maximum pool"
            kernel = .pooling(quantisedPooling(window, LV_MAX_POOL, input, places[node.result]!, shapes[node.result]!))
        case .averagePool(let window, let counted):
            description = "average pool"
            let operation = counted ? LV_AVERAGE_POOL_PADDED : LV_AVERAGE_POOL
            var pooling = quantisedPooling(window, operation, input, places[node.result]!, shapes[node.result]!)
            let (from, to) = (quantisation!.lanes[input]!, quantisation!.lanes[node.result]!)
            pooling.scale = try memory.constants(zip(from.scale, to.scale).map { Float(Double($0) / Double($1)) })
            pooling.input_zero = try memory.constants(from.zero)
            pooling.output_zero = try memory.constants(to.zero.map(Float.init))
            kernel = .pooling(pooling)
        case .globalMaxAveragePool:
            description = "global pool"
            kernel = .dequantised(try dequantised(input, node, pooled: true))
        default:
            description = "layout"
            kernel = .dequantised(try dequantised(input, node, pooled: false))
        }
        return Draft(
            description: description, multiplyAdds: multiplyAdds, kernel: .quantised(kernel), packing: packing,
            input: places[input], output: places[node.result]!, inputShape: shapes[input]!,
            outputShape: shapes[node.result]!)
    }

    func quantisedPooling(
        _ window: NetworkGraph.Window, _ operation: lv_pool_operation, _ input: String, _ output: Place,
        _ outputShape: ValueShape
    ) -> lv_quantised_pooling {
        guard case .map(let from) = shapes[input]!, case .map(let to) = outputShape else {
            preconditionFailure("shapes were checked")
        }
        var kernel = lv_quantised_pooling()
        kernel.set = kernels.cValue
        kernel.operation = operation
        kernel.blocks = blocks[input]!.counts.count
        kernel.place(window, from: from, to: to)
        kernel.input_image_stride = imageBytes(input)
        kernel.output_image_stride = output.bufferBlocks * to.pixels * LV_LANES
        return kernel
    }

    private func dequantised(_ input: String, _ node: FusedNode, pooled: Bool) throws -> lv_dequantised {
        guard case .map(let shape) = shapes[input]! else { preconditionFailure("shapes were checked") }
        let lanes = quantisation!.lanes[input]!
        var kernel = lv_dequantised()
        kernel.set = kernels.cValue
        kernel.pooled = pooled
        kernel.blocks = blocks[input]!.counts.count
        (kernel.pixels, kernel.channels) = (shape.pixels, shape.channels)
        kernel.block_channels = try memory.constants(blocks[input]!.counts)
        kernel.scale = try memory.constants(lanes.scale)
        kernel.zero = try memory.constants(lanes.zero)
        kernel.input_image_stride = imageBytes(input)
        kernel.output_image_stride = shapes[node.result]!.count
        return kernel
    }

    private func quantisedConvolution(
        _ convolution: FusedNode.Convolution, _ node: FusedNode
    ) throws -> (lv_quantised_convolution, packing: Int) {
        let input = node.inputs[0]
        guard case .map(let from) = shapes[input]!, case .map(let to) = shapes[node.result]! else {
            preconditionFailure("shapes were checked")
        }
        let (division, window) = (blocks[input]!, convolution.window)
        let taps = window.kernel.height * window.kernel.width
        let (inLanes, outLanes) = (quantisation!.lanes[input]!, quantisation!.lanes[node.result]!)
        var kernel = lv_quantised_convolution()
        kernel.set = kernels.cValue
        kernel.pixel_bytes = pixelBytes(input)
        kernel.place(window, from: from, to: to)
        kernel.block_channels = try memory.constants(division.counts)
        kernel.blocks = division.counts.count
        kernel.output_blocks = blocks[node.result]!.counts.count
        kernel.input_image_stride = imageBytes(input)
        kernel.output_image_stride = imageBytes(node.result)
        kernel.padding = try memory.constants(inLanes.zero.map { UInt8($0) })
        kernel.mode = kernel.fastestMode(zeroPadding: inLanes.zero.allSatisfy { $0 == 0 })

        // By input channel: lanes beyond a block's channels have no weights.
        let zeros = zip(inLanes.zero, division.lanes(beyond: false) { _ in true }).filter(\.1).map(\.0)
        let name = QuantisedParameters.weight(node)
        let count = kernel.output_blocks * LV_LANES
        let start = weights.withBytes(of: name) { bytes in
            bytes.withMemoryRebound(to: Int8.self) { values in
                (0..<convolution.outputs).map { output -> Int32 in
                    var sum: Int32 = 0
                    for (i, zero) in zeros.enumerated() where zero != 0 {
                        let first = (output * from.channels + i) * taps
                        for t in first..<first + taps { sum -= zero * Int32(values[t]) }
                    }
                    return sum
                }
            }
        }
        kernel.start = try memory.constants(start + Array(repeating: 0, count: count - start.count))
        // A convolution's result is not divided: its channels are its first lanes.
        let steps = outLanes.scale.map(Double.init), offsets = outLanes.zero.map(Double.init)
        let scale = try weights.withFloats(of: QuantisedParameters.weightScale(node)) { values in
            values.indices.map { Double(values[$0]) / steps[$0] }
        }
        let shift = try weights.withFloats(of: QuantisedParameters.bias(node)) { values in
            values.indices.map { Double(values[$0]) / steps[$0] + offsets[$0] }
        }
        kernel.scale = UnsafePointer(try finiteFloats(scale, paddedTo: count, node.name))
        kernel.shift = UnsafePointer(try finiteFloats(shift, paddedTo: count, node.name))

        var packing = lv_packing()
        packing.set = kernels.cValue
        packing.form = LV_PACK_QUANTISED
        packing.quantised = weights.withBytes(of: name) { $0.bindMemory(to: Int8.self).baseAddress }
        (packing.outputs, packing.inputs) = (convolution.outputs, from.channels)
        (packing.row_taps, packing.column_taps) = (window.kernel.height, window.kernel.width)
        (packing.block_channels, packing.blocks) = (kernel.block_channels, kernel.blocks)
        return (kernel, packed.add(packing, node.name))
    }
}
