/// Constants, and operators that only say what extents there are.
extension ONNXImporter {
    // MARK: Constants

    mutating func constant(_ node: ONNXNode) throws {
        var found: [ONNXTensor] = []
        if let tensor = try node.tensor("value") { found.append(tensor) }
        if let value = try node.float("value_float") { found.append(ONNXTensor(dims: [], values: .floats([value]))) }
        if let value = try node.int("value_int") { found.append(ONNXTensor(dims: [], values: .integers([value]))) }
        if let list = try node.floats("value_floats") {
            found.append(ONNXTensor(dims: [list.count], values: .floats(list)))
        }
        if let list = try node.ints("value_ints") {
            found.append(ONNXTensor(dims: [list.count], values: .integers(list)))
        }
        guard found.count == 1 else { throw node.unsupported("its value is none of numbers") }
        try define(node, found[0])
    }

    mutating func constantOfShape(_ node: ONNXNode) throws {
        guard let dims = try integers(0, of: node) else { throw node.malformed("it lacks its shape") }
        let count = try ONNXTensor.count(dims, of: node.title)
        let value = try node.tensor("value")
        guard (value?.count ?? 1) == 1 else { throw node.malformed("its value is not one number") }
        if let integer = value?.integers?.first {
            try spend(count, node)
            return try define(node, ONNXTensor(dims: dims, values: .integers(Array(repeating: integer, count: count))))
        }
        try define(node, ONNXTensor(dims: dims, values: .repeated(value?.floats.first ?? 0)))
    }

    mutating func shape(_ node: ONNXNode) throws {
        let dims: [Int]
        switch try value(node.required(0), of: node) {
        case .constant(let tensor): dims = tensor.dims
        case .activation(let activation): dims = [batch] + activation.dims
        }
        func place(_ name: String, _ value: Int) throws -> Int {
            let position = try node.int(name, default: value)
            return min(max(position < 0 ? position + dims.count : position, 0), dims.count)
        }
        let (start, end) = (try place("start", 0), try place("end", dims.count))
        let shown = start < end ? Array(dims[start..<end]) : []
        try define(node, ONNXTensor(dims: [shown.count], values: .integers(shown)))
    }

    mutating func cast(_ node: ONNXNode) throws {
        let type = Onnx_TensorProto.DataType(rawValue: try node.int("to", default: 0))
        node.ignore("saturate")
        switch (try value(node.required(0), of: node), type) {
        case (.activation(let activation), .float): try define(node, activation)
        case (.constant(let tensor), .float), (.constant(let tensor), .double):
            if case .integers = tensor.values {
                try define(node, ONNXTensor(dims: tensor.dims, values: .floats(tensor.floats)))
            } else {
                try define(node, tensor)
            }
        case (.constant(let tensor), .int64), (.constant(let tensor), .int32):
            if tensor.integers != nil { return try define(node, tensor) }
            try spend(tensor.count, node)
            let values = try tensor.floats.map { value in
                guard let integer = Int(exactly: value.rounded(.towardZero)) else {
                    throw node.malformed("it makes integers of values that are none")
                }
                return integer
            }
            try define(node, ONNXTensor(dims: tensor.dims, values: .integers(values)))
        default: throw node.unsupported("it changes to an element type other than float32")
        }
    }

    // MARK: Extents

    mutating func reshape(_ node: ONNXNode) throws {
        let source = try value(node.required(0), of: node)
        let dims: [Int]
        switch source {
        case .constant(let tensor): dims = tensor.dims
        case .activation(let activation): dims = [batch] + activation.dims
        }
        let count = dims.reduce(1, *)
        let target: [Int]
        switch node.type {
        case "Flatten":
            let axis = try axis(node.int("axis", default: 1), dims.count + 1, node)
            target = [dims[..<axis].reduce(1, *), dims[axis...].reduce(1, *)]
        case "Reshape": target = try reshaped(node, dims, count)
        case "Squeeze":
            let axes = try axes(node)?.map { try axis($0, dims.count, node) } ?? dims.indices.filter { dims[$0] == 1 }
            guard axes.allSatisfy({ dims[$0] == 1 }) else { throw node.malformed("it leaves out \(axes) of \(dims)") }
            target = dims.indices.filter { !axes.contains($0) }.map { dims[$0] }
        default:
            guard let axes = try axes(node) else { throw node.malformed("it lacks its axes") }
            let rank = dims.count + axes.count
            let places = Set(try axes.map { try axis($0, rank, node) })
            guard places.count == axes.count, rank <= 16 else { throw node.malformed("its axes are \(axes)") }
            var rest = dims[...]
            target = (0..<rank).map { places.contains($0) ? 1 : rest.removeFirst() }
        }
        guard try ONNXTensor.count(target, of: node.title) == count, target.count <= 16 else {
            throw node.malformed("it makes \(target) of \(dims)")
        }
        switch source {
        case .constant(var tensor):
            tensor.dims = target
            try define(node, tensor)
        case .activation(let activation):
            guard target.count >= 2, target[0] == batch else {
                throw node.unsupported("it makes \(target) of \(dims), and so mixes the images of a batch")
            }
            var result = try settled(activation)
            result.dims = Array(target.dropFirst())
            try define(node, result)
        }
    }

    private func reshaped(_ node: ONNXNode, _ dims: [Int], _ count: Int) throws -> [Int] {
        guard var target = try integers(1, of: node) else { throw node.malformed("it lacks its shape") }
        let zeros = try node.int("allowzero", default: 0) != 0
        for (i, extent) in target.enumerated() where extent == 0 && !zeros {
            guard i < dims.count else { throw node.malformed("its shape is \(target), for \(dims)") }
            target[i] = dims[i]
        }
        let open = target.indices.filter { target[$0] == -1 }
        guard open.count <= 1 else { throw node.malformed("its shape \(target) leaves more than one extent open") }
        if let place = open.first {
            let others = target.indices.filter { $0 != place }.map { target[$0] }
            let known = try ONNXTensor.count(others, of: node.title)
            guard known > 0, count % known == 0 else { throw node.malformed("it makes \(target) of \(dims)") }
            target[place] = count / known
        }
        return target
    }

    /// An attribute, since opset 13 an input.
    private func axes(_ node: ONNXNode) throws -> [Int]? { try node.ints("axes") ?? integers(1, of: node) }

    func axis(_ number: Int, _ rank: Int, _ node: ONNXNode) throws(ONNXRefusal) -> Int {
        let place = number < 0 ? number + rank : number
        guard 0..<rank ~= place else { throw node.malformed("it has an axis \(number) of \(rank)") }
        return place
    }

    mutating func expand(_ node: ONNXNode) throws {
        guard let target = try integers(1, of: node) else { throw node.malformed("it lacks its shape") }
        let input = try activation(0, of: node)
        var dims = [batch] + input.dims
        guard target.count <= dims.count else { throw node.unsupported("it adds dimensions") }
        for (i, extent) in target.enumerated() {
            let place = dims.count - target.count + i
            if extent != 1 && place > 0 { dims[place] = extent }
            guard extent == 1 || extent == dims[place] else { throw node.unsupported("it repeats images") }
        }
        try define(node, repeated(input, to: Array(dims.dropFirst()), node))
    }
}
