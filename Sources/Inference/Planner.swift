internal import CKernels

/// Compiles a graph and its weights to a plan.
struct Planner {
    let graph: NetworkGraph
    let weights: SafetensorsFile
    let kernels: KernelSet
    let shapes: [String: ValueShape]
    let memory: PlanMemory
    let packed: PackedWeights
    var placement = BufferPlacement()
    /// Of a quantised plan.
    var quantisation: Quantisation?

    /// Where a value lives: a buffer, for a feature map from one of its blocks on.
    struct Place {
        var buffer: Int
        var block: Int
        /// Blocks of the whole buffer.
        var bufferBlocks: Int
    }

    /// A step whose places are not yet addresses.
    struct Draft {
        var description: String
        var multiplyAdds = 0
        var kernel: Plan.Kernel
        var packing: Int?
        var input: Place?
        var other: Place?
        var output: Place
        var inputShape: ValueShape
        var outputShape: ValueShape
    }

    private(set) var blocks: [String: ChannelBlocks] = [:]
    private(set) var places: [String: Place] = [:]
    private var drafts: [Draft] = []
    private var choices: [String] = []

    init(
        graph: NetworkGraph, weights: SafetensorsFile, arithmetic: Arithmetic, kernels: KernelSet,
        keepingWeights: Bool
    ) throws(InferenceError) {
        memory = PlanMemory()
        packed = PackedWeights(of: weights, memory: memory, kept: keepingWeights)
        self.graph = graph
        self.weights = weights
        self.kernels = kernels
        shapes = try graph.shapes()
        switch arithmetic {
        case .float32: try graph.check(weights, shapes: shapes)
        case .int8:
            let parameters = try QuantisedParameters(graph, shapes: shapes)
            try parameters.check(weights)
            quantisation = Quantisation(parameters: parameters)
        }
    }

    /// The shape of the network's result.
    var outputShape: ValueShape { shapes[graph.output]! }

    /// - Throws: `InferenceError`.
    mutating func plan() throws -> Plan {
        let nodes = try graph.fused(shapes: shapes)
        divideChannels(nodes)
        try quantise(nodes)
        placeValues(nodes)
        if nodes.contains(where: { $0.inputs.contains(NetworkGraph.inputName) && !readsPlanar($0) }) {
            drafts.append(
                quantisation == nil ? try layout(NetworkGraph.inputName, unpack: false) : try quantisedInput())
        }
        for node in nodes { try draft(node) }
        let result = places[graph.output]!
        for (i, draft) in drafts.enumerated() {
            for input in [draft.input, draft.other] { if let input { placement.use(input.buffer, at: i) } }
            placement.use(draft.output.buffer, at: i)
        }
        placement.use(result.buffer, at: drafts.count)
        let early = earlySteps()
        // Early steps of a later image follow those of an earlier one: what outlives them must lie apart from the start.
        let lasting = Set(drafts[early...].flatMap { [$0.input, $0.other, $0.output] }.compactMap { $0?.buffer })
            .union([result.buffer])
        for buffer in lasting where placement.isUsed(buffer, before: early) { placement.use(buffer, at: 0) }
        let size = placement.place()
        var steps = drafts.map { draft in
            Plan.Step(
                description: draft.description, multiplyAdds: draft.multiplyAdds, kernel: draft.kernel,
                packing: draft.packing, input: draft.input.map { location($0, draft.inputShape, lasting) } ?? .input,
                other: draft.other.map { location($0, draft.inputShape, lasting) },
                output: location(draft.output, draft.outputShape, lasting))
        }
        let output = location(result, outputShape, lasting)
        if case .map = outputShape {
            // To the caller's memory: the executor puts it in place of the output location.
            let unpack = try layout(graph.output, unpack: true)
            steps.append(
                Plan.Step(
                    description: unpack.description, multiplyAdds: 0, kernel: unpack.kernel, input: output,
                    output: output))
        }
        return Plan(
            steps: steps, earlySteps: early, choices: choices.joined(), output: output, arenaFloatsPerImage: size,
            packed: packed, memory: memory)
    }

    // MARK: Values

    private mutating func divideChannels(_ nodes: [FusedNode]) {
        blocks[NetworkGraph.inputName] = ChannelBlocks(splitting: graph.input.channels)
        for node in nodes {
            guard case .map(let shape) = shapes[node.result] else { continue }
            switch node.operation {
            case .concat: blocks[node.result] = ChannelBlocks(counts: node.inputs.flatMap { blocks[$0]!.counts })
            case .affine, .maxPool, .averagePool, .activation, .prelu, .sum, .product, .responseNorm, .border:
                blocks[node.result] = blocks[node.inputs[0]]
            case .convolution, .globalMaxAveragePool, .linear, .softmax, .scaleShift, .shuffle, .flatten, .unflatten,
                .strided, .softmaxAlong:
                blocks[node.result] = ChannelBlocks(splitting: shape.channels)
            }
        }
    }

    /// Concatenations from the last to the first, so that one inside another is placed within it; then all other
    /// values.
    private mutating func placeValues(_ nodes: [FusedNode]) {
        for node in nodes.reversed() {
            guard case .concat = node.operation else { continue }
            let place = place(node.result)
            var block = place.block
            for input in node.inputs {
                // A value that already lives elsewhere is copied (see draft).
                if places[input] == nil, input != NetworkGraph.inputName {
                    places[input] = Place(buffer: place.buffer, block: block, bufferBlocks: place.bufferBlocks)
                }
                block += blocks[input]!.counts.count
            }
        }
        for node in nodes { _ = place(node.result) }
    }

    mutating func place(_ value: String) -> Place {
        if let place = places[value] { return place }
        let place: Place
        switch shapes[value]! {
        case .map(let shape):
            let count = blocks[value]!.counts.count
            place = Place(
                buffer: placement.add(floats: count * blockFloats(.map(shape))), block: 0,
                bufferBlocks: count)
        case .vector(let count): place = Place(buffer: placement.add(floats: count), block: 0, bufferBlocks: 0)
        }
        places[value] = place
        return place
    }

    private func location(_ place: Place, _ shape: ValueShape, _ lasting: Set<Int>) -> Plan.Location {
        .arena(
            buffer: placement.offset(of: place.buffer), within: place.block * blockFloats(shape),
            early: !lasting.contains(place.buffer))
    }

    /// The steps up to the first whose result has fewer pixels than `Plan.fewPixels`.
    private func earlySteps() -> Int {
        drafts.firstIndex { draft in
            guard case .map(let map) = draft.outputShape else { return true }
            return map.pixels < Plan.fewPixels
        } ?? drafts.count
    }

    private func blockFloats(_ shape: ValueShape) -> Int {
        guard case .map(let map) = shape else { return 0 }
        // Of floats or of bytes.
        return map.pixels * (quantisation == nil ? LV_LANES : LV_LANES / 4)
    }

    func imageStride(_ place: Place, _ shape: ValueShape) -> Int { place.bufferBlocks * blockFloats(shape) }

    // MARK: Steps

    func readsPlanar(_ node: FusedNode) -> Bool {
        guard quantisation == nil, node.inputs == [NetworkGraph.inputName], graph.input.channels <= LV_LANES,
            case .convolution(let convolution) = node.operation
        else { return false }
        return convolution.isPlain && convolution.window.padding.width == 0 && convolution.window.stride.width <= 2
    }

    private mutating func draft(_ node: FusedNode) throws {
        let input = node.inputs[0]
        let shape = shapes[input]!
        if quantisation != nil, case .map = shape, !node.isConcatenation {
            drafts.append(try quantisedDraft(node))
            return
        }
        let output = places[node.result]!
        let kernel: Plan.Kernel
        let description: String
        var multiplyAdds = 0
        var packing: Int?
        if let (kernel, description, multiplyAdds) = try operatorKernel(node) {
            drafts.append(
                Draft(
                    description: description, multiplyAdds: multiplyAdds, kernel: .other(kernel), input: places[input],
                    other: node.inputs.count > 1 ? places[node.inputs[1]] : nil, output: output, inputShape: shape,
                    outputShape: shapes[node.result]!))
            return
        }
        switch node.operation {
        case .concat:
            var block = output.block
            for input in node.inputs {
                if places[input]!.buffer != output.buffer || places[input]!.block != block {
                    try copy(input, to: Place(buffer: output.buffer, block: block, bufferBlocks: output.bufferBlocks))
                }
                block += blocks[input]!.counts.count
            }
            return
        case .convolution(let convolution):
            let geometry = self.geometry(convolution, node)
            let tiling = readsPlanar(node) ? nil : geometry.fastestTiling()
            description = geometry.description(tiling)
            multiplyAdds = geometry.multiplyAdds(tiling)
            if let tiling {
                choices.append("\(node.name) \(tiling.name)\n")
                let (tiled, number) = try winograd(convolution, node, tiling)
                (kernel, packing) = (.winograd(tiled), number)
            } else {
                let (direct, number) = try self.convolution(convolution, node)
                (kernel, packing) = (.convolution(direct), number)
            }
        case .affine(let norm, let relu):
            description = "batch norm"
            kernel = .affine(try affine(norm, relu: relu, node))
        case .maxPool(let window):
            description = "maximum pool"
            kernel = .pooling(pooling(window, LV_MAX_POOL, input, output, shapes[node.result]!))
        case .averagePool(let window, let counted):
            description = "average pool"
            let operation = counted ? LV_AVERAGE_POOL_PADDED : LV_AVERAGE_POOL
            kernel = .pooling(pooling(window, operation, input, output, shapes[node.result]!))
        case .globalMaxAveragePool:
            description = "global pool"
            kernel = .globalPooling(try globalPooling(input))
        case .linear(let linear):
            description = "linear"
            multiplyAdds = linear.outputs * shape.count
            let (product, number) = try self.linear(linear, node)
            (kernel, packing) = (.linear(product), number)
        case .softmax:
            description = "softmax"
            kernel = .softmax(count: shape.count)
        case .scaleShift, .activation, .prelu, .sum, .product, .responseNorm, .border, .shuffle, .flatten, .unflatten,
            .strided, .softmaxAlong:
            preconditionFailure("drafted above")
        }
        drafts.append(
            Draft(
                description: description, multiplyAdds: multiplyAdds, kernel: kernel, packing: packing,
                input: readsPlanar(node) ? nil : places[input], output: output, inputShape: shape,
                outputShape: shapes[node.result]!))
    }

    /// A max pool of one pixel is a copy.
    private mutating func copy(_ value: String, to output: Place) throws {
        let shape = shapes[value]!
        let window = NetworkGraph.Window(kernel: Extent(1))
        let kernel: Plan.Kernel =
            quantisation == nil
            ? .pooling(pooling(window, LV_MAX_POOL, value, output, shape))
            : .quantised(.pooling(quantisedPooling(window, LV_MAX_POOL, value, output, shape)))
        drafts.append(
            Draft(
                description: "copy", kernel: kernel,
                input: places[value], output: output, inputShape: shape, outputShape: shape))
    }

    private mutating func layout(_ value: String, unpack: Bool) throws -> Draft {
        guard case .map(let shape) = shapes[value]! else { preconditionFailure("a vector has one layout") }
        let place = place(value)
        var kernel = lv_layout()
        kernel.unpack = unpack
        kernel.blocks = blocks[value]!.counts.count
        kernel.pixels = shape.pixels
        kernel.channels = shape.channels
        kernel.block_channels = try memory.constants(blocks[value]!.counts)
        let (planar, blocked) = (shape.channels * shape.pixels, imageStride(place, .map(shape)))
        kernel.input_image_stride = unpack ? blocked : planar
        kernel.output_image_stride = unpack ? planar : blocked
        return Draft(
            description: "layout", kernel: .layout(kernel), input: unpack ? place : nil, output: place,
            inputShape: .map(shape),
            outputShape: .map(shape))
    }
}
