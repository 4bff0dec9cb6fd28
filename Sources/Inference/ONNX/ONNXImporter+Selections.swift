/// Operators that take elements by place, or join them.
extension ONNXImporter {
    /// Elements by place: of a constant now, of an activation by a node of the network.
    private mutating func select(
        _ node: ONNXNode, _ name: String, _ source: Value, _ extents: [Int], _ strides: [Int], offset: Int, dims: [Int]
    ) throws {
        let count = try ONNXTensor.count(extents, of: node.title)
        switch source {
        case .constant(let tensor):
            try spend(tensor.stored == 0 ? 0 : count, node)
            var result = tensor.selected(extents, strides, offset: offset)
            result.dims = dims
            define(name, .constant(result))
        case .activation(let activation):
            guard count > 0 else { throw node.unsupported("it selects nothing") }
            var result = try vector(activation)
            // Leading extents of 1, such as the batch, say nothing.
            let kept = extents.indices.filter { extents[$0] != 1 }
            guard kept.count <= 8 else { throw node.unsupported("it has more than 8 dimensions") }
            result.node = add(
                name,
                .strided(
                    extents: kept.isEmpty ? [1] : kept.map { extents[$0] },
                    strides: kept.isEmpty ? [1] : kept.map { strides[$0] }, offset: offset),
                [result.node])
            result.storage = .vector(count)
            result.dims = dims
            define(name, .activation(result))
        }
    }

    /// The extents of a value, the batch of an activation being 1, and the strides between its elements.
    private func layout(_ source: Value) -> (dims: [Int], strides: [Int]) {
        let dims: [Int]
        switch source {
        case .constant(let tensor): dims = tensor.dims
        case .activation(let activation): dims = [1] + activation.dims
        }
        var (strides, stride) = ([Int](repeating: 0, count: dims.count), 1)
        for d in dims.indices.reversed() {
            strides[d] = stride
            stride *= dims[d]
        }
        return (dims, strides)
    }

    mutating func transpose(_ node: ONNXNode) throws {
        let source = try value(node.required(0), of: node)
        let (dims, strides) = layout(source)
        let order = try node.ints("perm") ?? dims.indices.reversed()
        guard order.sorted() == Array(dims.indices) else { throw node.malformed("its perm is \(order)") }
        let result = order.map { dims[$0] }
        if case .activation(let activation) = source {
            guard order[0] == 0 else { throw node.unsupported("it moves the batch to another dimension") }
            if let shuffled = try shuffled(activation, order.dropFirst().map { $0 - 1 }, node) {
                return try define(node, shuffled)
            }
        }
        try select(
            node, node.oneResult(), source, result, order.map { strides[$0] }, offset: 0,
            dims: isActivation(source) ? Array(result.dropFirst()) : result)
    }

    private func isActivation(_ value: Value) -> Bool { if case .activation = value { true } else { false } }

    /// A transpose that changes nothing but the extents' order, or that exchanges two factors of a feature map's
    /// channels; else nil.
    private mutating func shuffled(
        _ activation: Activation, _ order: [Int], _ node: ONNXNode
    ) throws -> Activation? {
        var result = try settled(activation)
        result.dims = order.map { activation.dims[$0] }
        let moved = order.filter { activation.dims[$0] != 1 }
        if moved == moved.sorted() { return result }
        guard case .map(let shape) = result.storage, moved.count >= 2 else { return nil }
        // Two runs of dimensions change places, and what follows them are the pixels.
        guard let split = moved.firstIndex(where: { $0 < moved[0] }) else { return nil }
        let first = moved[split...].prefix { $0 < moved[0] }
        let (second, rest) = (moved[..<split], moved[(split + first.count)...])
        guard Array(first) + Array(second) + Array(rest) == moved.sorted() else { return nil }
        let groups = first.map { activation.dims[$0] }.reduce(1, *)
        guard groups * second.map({ activation.dims[$0] }).reduce(1, *) == shape.channels else { return nil }
        result.node = add(try node.oneResult(), .shuffle(groups: groups), [result.node])
        return result
    }

    mutating func slice(_ node: ONNXNode) throws {
        let source = try value(node.required(0), of: node)
        var (dims, strides) = layout(source)
        let old = node.opset < 10
        guard let starts = try old ? node.ints("starts") : integers(1, of: node),
            let ends = try old ? node.ints("ends") : integers(2, of: node), starts.count == ends.count
        else { throw node.malformed("it lacks starts or ends") }
        let axes = try (old ? node.ints("axes") : integers(3, of: node)) ?? Array(starts.indices)
        let steps = try (old ? nil : integers(4, of: node)) ?? Array(repeating: 1, count: starts.count)
        guard axes.count == starts.count, steps.count == starts.count else {
            throw node.malformed("its starts, ends, axes and steps are not as many")
        }
        var offset = 0
        var seen: Set<Int> = []
        for i in starts.indices {
            let place = try axis(axes[i], dims.count, node)
            let (length, step) = (dims[place], steps[i])
            guard seen.insert(place).inserted, step != 0, abs(max(step, -Int.max)) <= 1 << 32 else {
                throw node.malformed("its axes are \(axes), its steps \(steps)")
            }
            func position(_ value: Int) -> Int {
                let lowest = step > 0 ? 0 : -1
                return min(max(value < 0 ? value + length : value, lowest), step > 0 ? length : length - 1)
            }
            let first = step > 0 ? position(starts[i]) : max(position(starts[i]), -1)
            let end = position(ends[i])
            let extent = step > 0 ? max(0, (end - first + step - 1) / step) : max(0, (first - end - step - 1) / -step)
            if isActivation(source), place == 0 {
                guard extent == 1, step == 1, first == 0 else { throw node.unsupported("it selects images of a batch") }
                continue
            }
            if extent > 0 { offset += first * strides[place] }
            dims[place] = extent
            strides[place] *= step
        }
        try select(
            node, node.oneResult(), source, dims, strides, offset: offset,
            dims: isActivation(source) ? Array(dims.dropFirst()) : dims)
    }

    mutating func split(_ node: ONNXNode) throws {
        let source = try value(node.required(0), of: node)
        let (dims, strides) = layout(source)
        let place = try axis(node.int("axis", default: 0), dims.count, node)
        guard !(isActivation(source) && place == 0) else { throw node.unsupported("it divides the batch") }
        let given = try node.opset < 13 ? node.ints("split") : integers(1, of: node)
        node.ignore("num_outputs")
        // Equal parts, the last one smaller where they can't be.
        let part = (dims[place] + node.outputs.count - 1) / max(node.outputs.count, 1)
        let parts = given ?? node.outputs.indices.map { min(part, dims[place] - $0 * part) }
        guard parts.count == node.outputs.count, parts.allSatisfy({ 1...max(dims[place], 1) ~= $0 }),
            parts.reduce(0, +) == dims[place]
        else { throw node.malformed("it divides \(dims[place]) into \(parts)") }
        var first = 0
        for (name, length) in zip(node.outputs, parts) {
            var extents = dims
            extents[place] = length
            try select(
                node, name, source, extents, strides, offset: first * strides[place],
                dims: isActivation(source) ? Array(extents.dropFirst()) : extents)
            first += length
        }
    }

    mutating func gather(_ node: ONNXNode) throws {
        let source = try value(node.required(0), of: node)
        let (dims, strides) = layout(source)
        let place = try axis(node.int("axis", default: 0), dims.count, node)
        let indices = try constant(node.required(1), of: node)
        guard let list = indices.integers, indices.dims.count <= 1 else {
            throw node.unsupported("its indices are \(indices.dims), and can be one or a list")
        }
        let places = list.map { $0 < 0 ? $0 + dims[place] : $0 }
        guard places.allSatisfy({ 0..<dims[place] ~= $0 }), let first = places.first else {
            throw node.malformed("its indices are outside of \(dims[place])")
        }
        // Evenly spaced ones are a selection by stride.
        let step = places.count > 1 ? places[1] - places[0] : 1
        let even = zip(places, places.dropFirst()).allSatisfy { $1 - $0 == step }
        guard even, !(isActivation(source) && place == 0) else {
            throw node.unsupported("its indices are not evenly spaced, or select images of a batch")
        }
        var (extents, steps, result) = (dims, strides, dims)
        (extents[place], steps[place], result[place]) = (places.count, strides[place] * step, places.count)
        if indices.dims.isEmpty { result.remove(at: place) }
        try select(
            node, node.oneResult(), source, extents, steps, offset: first * strides[place],
            dims: isActivation(source) ? Array(result.dropFirst()) : result)
    }

    mutating func concat(_ node: ONNXNode) throws {
        var parts: [Value] = []
        for index in node.inputs.indices { parts.append(try value(node.required(index), of: node)) }
        guard let number = try node.int("axis") ?? (node.opset < 4 ? 1 : nil), let first = parts.first else {
            throw node.malformed("it lacks its axis or its inputs")
        }
        if parts.allSatisfy({ !isActivation($0) }) {
            return try define(node, joined(parts, number, node))
        }
        let place = try axis(number, layout(first).dims.count, node)
        guard place == 1 else {
            throw node.unsupported("it joins activations along dimension \(place), and only channels can be")
        }
        var maps: [Activation] = []
        for index in node.inputs.indices { maps.append(try map(activation(index, of: node))) }
        var result = maps[0]
        guard maps.allSatisfy({ $0.dims.dropFirst() == result.dims.dropFirst() }) else {
            throw node.malformed("it joins activations of different extents")
        }
        result.dims[0] = maps.reduce(0) { $0 + $1.dims[0] }
        guard case .map(var shape) = result.storage else { return }
        shape.channels = result.dims[0]
        result.storage = .map(shape)
        result.node = add(try node.oneResult(), .concat, maps.map(\.node))
        try define(node, result)
    }

    /// Lists of constants one after the other.
    private mutating func joined(_ parts: [Value], _ number: Int, _ node: ONNXNode) throws -> ONNXTensor {
        var integers: [Int] = []
        var floats: [Float] = []
        for case .constant(let tensor) in parts {
            guard tensor.dims.count == 1, number == 0 || number == -1 else {
                throw node.unsupported("it joins constants of \(tensor.dims)")
            }
            try spend(tensor.count, node)
            if let list = tensor.integers { integers += list } else { floats += tensor.floats }
        }
        guard integers.isEmpty || floats.isEmpty else { throw node.malformed("it joins integers and other numbers") }
        return integers.isEmpty
            ? ONNXTensor(dims: [floats.count], values: .floats(floats))
            : ONNXTensor(dims: [integers.count], values: .integers(integers))
    }
}
