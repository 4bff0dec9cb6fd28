/// Operators that slide a window over a feature map.
extension ONNXImporter {
    /// One side of a window: rows or columns.
    private struct Side {
        var kernel = 1
        var stride = 1
        var dilation = 1
        var start = 0
        var end = 0
    }

    mutating func convolution(_ node: ONNXNode) throws {
        var input = try map(activation(0, of: node))
        let (name, dims) = (try node.required(1), input.dims)
        let weight = try constant(name, of: node)
        let spatial = dims.count - 1
        guard 1...2 ~= spatial, weight.dims.count == spatial + 2 else {
            throw node.unsupported("its weights are \(weight.dims), and its input has \(dims.count + 1) dimensions")
        }
        let groups = try node.int("group", default: 1)
        guard groups >= 1, dims[0] % groups == 0, weight.dims[0] % groups == 0, weight.dims[1] == dims[0] / groups
        else {
            throw node.malformed("its weights are \(weight.dims), for \(dims[0]) channels in \(groups) groups")
        }
        if let kernel = try node.ints("kernel_shape"), kernel != Array(weight.dims.dropFirst(2)) {
            throw node.malformed("its kernel_shape is \(kernel), and its weights are \(weight.dims)")
        }
        let (outputs, kernel) = (weight.dims[0], Array(weight.dims.dropFirst(2)))
        let sides = try sides(node, kernel, over: dims)
        let window = window(sides)
        var bias: String?
        if let constant = try optionalConstant(2, of: node) {
            guard constant.dims == [outputs] else {
                throw node.malformed("its bias is \(constant.dims), and should be [\(outputs)]")
            }
            bias = parameter(try node.required(2), constant, [outputs])
        }
        let stored = parameter(name, weight, weight.dims.prefix(2) + [window.kernel.height, window.kernel.width])
        let operation: NetworkGraph.Operation =
            groups == 1
            ? .convolution(outputs: outputs, window: window, weight: stored, bias: bias)
            : .groupedConvolution(outputs: outputs, groups: groups, window: window, weight: stored, bias: bias)
        input.node = add(try node.oneResult(), operation, [input.node])
        try define(node, slid(input, sides, channels: outputs, node))
    }

    mutating func pool(_ node: ONNXNode) throws {
        var input = try map(activation(0, of: node))
        let average = node.type == "AveragePool"
        guard 2...3 ~= input.dims.count, let kernel = try node.ints("kernel_shape"),
            kernel.count == input.dims.count - 1
        else { throw node.unsupported("its kernel is not one of rows and columns") }
        node.ignore("storage_order")  // of the second result
        let counted = average ? try node.int("count_include_pad", default: 0) != 0 : false
        let ceiling = try node.int("ceil_mode", default: 0) != 0
        var sides = try sides(node, kernel, over: input.dims)
        if ceiling {
            for (i, length) in input.dims.dropFirst().enumerated() {
                var side = sides[i]
                let rest = (length + side.start + side.end - (side.kernel - 1) * side.dilation - 1) % side.stride
                guard rest > 0 else { continue }
                let more = side.stride - rest
                // A further window, unless it would begin behind the picture.
                side.end += more
                let outputs = (length + side.start + side.end - (side.kernel - 1) * side.dilation - 1) / side.stride
                guard outputs * side.stride < length + side.start else { continue }
                guard !counted else {
                    throw node.unsupported(
                        "ceil_mode with count_include_pad means different things to different programs")
                }
                sides[i] = side
            }
        }
        let window = window(sides)
        let operation: NetworkGraph.Operation =
            average ? .averagePool(window, countIncludePadding: counted) : .maxPool(window)
        input.node = add(try node.oneResult(), operation, [input.node])
        try define(node, slid(input, sides, channels: input.dims[0], node))
    }

    /// A pool over the whole picture.
    mutating func globalPool(_ node: ONNXNode) throws {
        let value = try activation(0, of: node)
        let rank = value.dims.count + 1
        var kept = true
        if node.type.hasPrefix("Reduce") {
            kept = try node.int("keepdims", default: 1) != 0
            let axes = try node.ints("axes") ?? integers(1, of: node)
            node.ignore("noop_with_empty_axes")
            let all = Set((axes ?? []).map { $0 < 0 ? $0 + rank : $0 })
            guard rank > 2, all == Set(2..<rank) else {
                throw node.unsupported(
                    "it reduces the dimensions \(axes ?? []), and only rows and columns together can be")
            }
        }
        var input = try map(value)
        guard case .map(let shape) = input.storage, rank > 2 else {
            throw node.unsupported("its input has \(rank) dimensions")
        }
        let window = NetworkGraph.Window(kernel: Extent(shape.height, shape.width))
        let operation: NetworkGraph.Operation =
            node.type.hasSuffix("MaxPool") || node.type == "ReduceMax"
            ? .maxPool(window) : .averagePool(window, countIncludePadding: false)
        input.node = add(try node.oneResult(), operation, [input.node])
        input.storage = .map(FeatureShape(channels: shape.channels, height: 1, width: 1))
        input.dims = [shape.channels] + Array(repeating: 1, count: kept ? rank - 2 : 0)
        try define(node, input)
    }

    mutating func border(_ node: ONNXNode) throws {
        var input = try map(activation(0, of: node))
        let rank = input.dims.count + 1
        let mode = try node.string("mode", default: "constant")
        let attribute = try node.ints("pads")
        guard var pads = try attribute ?? integers(1, of: node) else { throw node.malformed("it lacks its pads") }
        var value = try node.float("value", default: 0)
        if let constant = try optionalConstant(2, of: node) {
            guard constant.count == 1, let number = constant.floats.first, number.isFinite else {
                throw node.malformed("its value is no number")
            }
            value = number
        }
        if let axes = try integers(3, of: node) {
            let places = axes.map { $0 < 0 ? $0 + rank : $0 }
            guard pads.count == 2 * axes.count, places.allSatisfy({ 0..<rank ~= $0 }) else {
                throw node.malformed("its axes are \(axes), its pads \(pads)")
            }
            var all = [Int](repeating: 0, count: 2 * rank)
            for (i, place) in places.enumerated() {
                (all[place], all[rank + place]) = (pads[i], pads[axes.count + i])
            }
            pads = all
        }
        guard pads.count == 2 * rank, pads.allSatisfy({ 0...(1 << 16) ~= $0 }), pads[0] == 0, pads[1] == 0,
            pads[rank] == 0, pads[rank + 1] == 0
        else { throw node.unsupported("its pads are \(pads), and only rows and columns can be added") }
        func extent(_ first: Int) -> Extent {
            let sides = pads[(first + 2)..<(first + rank)]
            return Extent(rank == 4 ? sides.first! : 0, rank > 2 ? sides.last! : 0)
        }
        let fill: NetworkGraph.Border.Fill
        switch mode {
        case "constant": fill = .constant(value)
        case "reflect": fill = .reflect
        case "edge": fill = .edge
        default: throw node.unsupported("its mode is “\(ONNXNode.shown(mode))”")
        }
        let border = NetworkGraph.Border(start: extent(0), end: extent(rank), fill: fill)
        input.node = add(try node.oneResult(), .border(border), [input.node])
        for i in 1..<input.dims.count { input.dims[i] += pads[i + 1] + pads[rank + i + 1] }
        input.storage = stored(input.dims)
        try define(node, input)
    }

    // MARK: Geometry

    private func sides(_ node: ONNXNode, _ kernel: [Int], over dims: [Int]) throws -> [Side] {
        let spatial = Array(dims.dropFirst())
        func numbers(_ name: String, _ count: Int, default value: Int) throws -> [Int] {
            let numbers = try node.ints(name) ?? Array(repeating: value, count: count)
            guard numbers.count == count else { throw node.malformed("its \(name) are \(numbers)") }
            return numbers
        }
        let strides = try numbers("strides", spatial.count, default: 1)
        let dilations = try numbers("dilations", spatial.count, default: 1)
        let mode = try node.string("auto_pad", default: "NOTSET")
        let pads = try numbers("pads", 2 * spatial.count, default: 0)
        guard (kernel + strides + dilations).allSatisfy({ 1...(1 << 16) ~= $0 }),
            pads.allSatisfy({ 0...(1 << 16) ~= $0 })
        else { throw node.unsupported("its kernel, strides, dilations or pads are out of range") }
        return try spatial.indices.map { i in
            var side = Side(
                kernel: kernel[i], stride: strides[i], dilation: dilations[i], start: pads[i],
                end: pads[spatial.count + i])
            switch mode {
            case "NOTSET": break
            case "VALID": (side.start, side.end) = (0, 0)
            case "SAME_UPPER", "SAME_LOWER":
                let outputs = (spatial[i] + side.stride - 1) / side.stride
                let span = (side.kernel - 1) * side.dilation + 1
                let missing = max(0, (outputs - 1) * side.stride + span - spatial[i])
                side.start = mode == "SAME_UPPER" ? missing / 2 : missing - missing / 2
                side.end = missing - side.start
            default: throw node.malformed("its auto_pad is “\(ONNXNode.shown(mode))”")
            }
            return side
        }
    }

    /// A window of one row where there are columns alone.
    private func window(_ sides: [Side]) -> NetworkGraph.Window {
        let (rows, columns) = (sides.count == 2 ? sides[0] : Side(), sides[sides.count - 1])
        var window = NetworkGraph.Window(
            kernel: Extent(rows.kernel, columns.kernel), stride: Extent(rows.stride, columns.stride),
            padding: Extent(rows.start, columns.start))
        let (end, dilation) = (Extent(rows.end, columns.end), Extent(rows.dilation, columns.dilation))
        if end != window.padding { window.endPadding = end }
        if dilation != Extent(1) { window.dilation = dilation }
        return window
    }

    private func slid(
        _ input: Activation, _ sides: [Side], channels: Int, _ node: ONNXNode
    ) throws(ONNXRefusal) -> Activation {
        var result = input
        result.dims[0] = channels
        for (i, side) in sides.enumerated() {
            let room = input.dims[i + 1] + side.start + side.end - ((side.kernel - 1) * side.dilation + 1)
            guard room >= 0 else { throw node.malformed("its kernel is larger than its padded input") }
            result.dims[i + 1] = room / side.stride + 1
        }
        result.storage = stored(result.dims)
        return result
    }

    /// The feature map of 2 or 3 extents.
    private func stored(_ dims: [Int]) -> ValueShape {
        .map(
            FeatureShape(
                channels: dims[0], height: dims.count == 3 ? dims[1] : 1,
                width: dims.count > 1 ? dims[dims.count - 1] : 1))
    }
}
