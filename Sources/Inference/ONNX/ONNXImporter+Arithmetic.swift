/// Sums and products: of constants, of activations with a constant for each channel, of activations, of matrices.
extension ONNXImporter {
    mutating func arithmetic(_ node: ONNXNode) throws {
        guard !node.inputs.isEmpty, node.type == "Sum" || node.inputs.count == 2 else {
            throw node.malformed("it has \(node.inputs.count) inputs")
        }
        // Until opset 7, broadcasting was asked for, to dimensions from an axis on.
        let axis = node.opset < 7 ? try node.int("axis") : nil
        if node.opset < 7 { node.ignore("broadcast", "consumed_inputs") }
        var result = try value(node.required(0), of: node)
        for index in 1..<max(node.inputs.count, 1) {
            var other = try value(node.required(index), of: node)
            if let axis, case .constant(var tensor) = other, case .activation(let activation) = result {
                let rank = activation.dims.count + 1
                let place = axis < 0 ? axis + rank : axis
                guard place >= 0, place + tensor.dims.count <= rank else {
                    throw node.malformed("its axis is \(axis)")
                }
                tensor.dims += Array(repeating: 1, count: rank - place - tensor.dims.count)
                other = .constant(tensor)
            }
            switch (result, other) {
            case (.constant(let a), .constant(let b)): result = .constant(try combined(a, b, node))
            case (.activation(let a), .constant(let b)): result = .activation(try affine(a, b, node))
            case (.constant(let a), .activation(let b)):
                result = .activation(try affine(b, a, node, constantFirst: true))
            case (.activation(let a), .activation(let b)): result = .activation(try paired(a, b, node))
            }
        }
        define(try node.oneResult(), result)
    }

    mutating func negative(_ node: ONNXNode) throws {
        let name = try node.required(0)
        let minusOne = ONNXTensor(dims: [], values: .floats([-1]))
        switch try value(name, of: node) {
        case .activation(let activation): try define(node, scaled(activation, minusOne, node))
        case .constant(let tensor):
            try define(node, tensor.map(-))
        }
    }

    private mutating func scaled(
        _ activation: Activation, _ factor: ONNXTensor, _ node: ONNXNode
    ) throws(ONNXRefusal) -> Activation {
        var result = activation
        try spend(activation, node)
        let factors = (perChannel(factor, of: activation.dims) ?? []).map(Double.init)
        result.affines.append(Affine(scale: factors, shift: Array(repeating: 0, count: factors.count)))
        return result
    }

    /// Takes what one more scale and shift of `activation` needs from the budget: its channels may be every element of a
    /// picture, and its list is copied.
    private mutating func spend(_ activation: Activation, _ node: ONNXNode) throws(ONNXRefusal) {
        try spend(4 * activation.dims[0] + activation.affines.count, node)
    }

    /// An activation with a constant that has one value for each channel.
    private mutating func affine(
        _ activation: Activation, _ constant: ONNXTensor, _ node: ONNXNode, constantFirst: Bool = false
    ) throws -> Activation {
        try spend(activation, node)
        guard let floats = perChannel(constant, of: activation.dims) else {
            throw node.unsupported(
                "its constant of \(constant.dims) is not one value for each channel of \([batch] + activation.dims)")
        }
        guard floats.allSatisfy(\.isFinite) else {
            throw node.malformed("its constant holds values that are no numbers")
        }
        let values = floats.map(Double.init)
        let (ones, zeros) = (values.map { _ in 1.0 }, values.map { _ in 0.0 })
        var result = activation
        switch node.type {
        case "Mul": result.affines.append(Affine(scale: values, shift: zeros))
        case "Div":
            guard !constantFirst, !values.contains(0) else {
                throw node.unsupported("it divides a constant by an activation, or by zero")
            }
            result.affines.append(Affine(scale: values.map { 1 / $0 }, shift: zeros))
        case "Sub":
            result.affines.append(
                constantFirst
                    ? Affine(scale: values.map { _ in -1 }, shift: values) : Affine(scale: ones, shift: values.map(-)))
        default: result.affines.append(Affine(scale: ones, shift: values))
        }
        return result
    }

    /// Two activations, of which one may be repeated along dimensions of 1.
    private mutating func paired(_ a: Activation, _ b: Activation, _ node: ONNXNode) throws -> Activation {
        guard node.type != "Div" else { throw node.unsupported("it divides by an activation") }
        var (first, second) = (try settled(a), b)
        if node.type == "Sub" {
            second = try scaled(second, ONNXTensor(dims: [], values: .floats([-1])), node)
        }
        second = try settled(second)
        if first.dims != second.dims {
            guard first.dims.count == second.dims.count else {
                throw node.unsupported("its inputs are \([batch] + first.dims) and \([batch] + second.dims)")
            }
            let dims = zip(first.dims, second.dims).map { max($0, $1) }
            (first, second) = (try repeated(first, to: dims, node), try repeated(second, to: dims, node))
        }
        if first.storage != second.storage {
            if 2...3 ~= first.dims.count {
                (first, second) = (try map(first), try map(second))
            } else {
                (first, second) = (try vector(first), try vector(second))
            }
        }
        first.node = add(
            try node.oneResult(), node.type == "Mul" ? .multiply : .add, [first.node, second.node])
        return first
    }

    /// The activation repeated along those of its extents that are 1 to fill `dims`.
    mutating func repeated(_ activation: Activation, to dims: [Int], _ node: ONNXNode) throws -> Activation {
        guard activation.dims != dims else { return activation }
        guard activation.dims.count == dims.count, zip(activation.dims, dims).allSatisfy({ $0 == $1 || $0 == 1 }) else {
            throw node.unsupported("\([batch] + activation.dims) can't be repeated to \([batch] + dims)")
        }
        var input = try vector(activation)
        var (strides, stride) = ([Int](repeating: 0, count: dims.count), 1)
        for d in dims.indices.reversed() where activation.dims[d] != 1 {
            strides[d] = stride
            stride *= activation.dims[d]
        }
        _ = try ONNXTensor.count(dims, of: node.title)
        input.node = add(
            input.node + ".repeated", .strided(extents: dims, strides: strides, offset: 0), [input.node])
        input.dims = dims
        input.storage = .vector(dims.reduce(1, *))
        return input
    }

    private mutating func combined(_ a: ONNXTensor, _ b: ONNXTensor, _ node: ONNXNode) throws -> ONNXTensor {
        guard a.dims == b.dims || a.count == 1 || b.count == 1 else {
            throw node.unsupported("its constants are \(a.dims) and \(b.dims)")
        }
        let dims = a.count == 1 && b.dims.count >= a.dims.count ? b.dims : a.dims
        let count = max(a.count, b.count)
        try spend(count, node)
        func pairs<Number>(_ a: [Number], _ b: [Number], _ combine: (Number, Number) throws -> Number) rethrows
            -> [Number]
        {
            try (0..<min(count, a.count * b.count)).map {
                try combine(a[a.count == 1 ? 0 : $0], b[b.count == 1 ? 0 : $0])
            }
        }
        if let x = a.integers, let y = b.integers {
            let values = try pairs(x, y) { (x: Int, y: Int) in
                let (value, overflow): (Int, Bool)
                switch node.type {
                case "Mul": (value, overflow) = x.multipliedReportingOverflow(by: y)
                case "Sub": (value, overflow) = x.subtractingReportingOverflow(y)
                case "Div": (value, overflow) = x.dividedReportingOverflow(by: y)
                default: (value, overflow) = x.addingReportingOverflow(y)
                }
                guard !overflow else { throw node.malformed("its integers overflow, or it divides by zero") }
                return value
            }
            return ONNXTensor(dims: dims, values: .integers(values))
        }
        let values = pairs(a.floats, b.floats) { (x: Float, y: Float) in
            switch node.type {
            case "Mul": x * y
            case "Sub": x - y
            case "Div": x / y
            default: x + y
            }
        }
        return ONNXTensor(dims: dims, values: .floats(values))
    }

    // MARK: Matrices

    mutating func gemm(_ node: ONNXNode) throws {
        let (alpha, beta) = (try node.float("alpha", default: 1), try node.float("beta", default: 1))
        try node.expect("transA", 0, else: "its first matrix, the images, is transposed")
        let transposed = try node.int("transB", default: 0) != 0
        if node.opset < 7 { node.ignore("broadcast") }
        let input = try activation(0, of: node)
        let weight = try constant(node.required(1), of: node)
        guard input.dims.count == 1, weight.dims.count == 2 else {
            throw node.unsupported("its matrices are \([batch] + input.dims) and \(weight.dims)")
        }
        let outputs = weight.dims[transposed ? 0 : 1]
        var bias: ONNXTensor?
        if let constant = try optionalConstant(2, of: node) {
            try spend(outputs, node)
            guard let values = perChannel(constant, of: [outputs]) else {
                throw node.unsupported(
                    "its third matrix is \(constant.dims), not one value for each of \(outputs) outputs")
            }
            bias = ONNXTensor(dims: [outputs], values: .floats(beta == 1 ? values : values.map { $0 * beta }))
        }
        if alpha != 1 { try spend(weight.stored, node) }
        let scaled = alpha == 1 ? weight : weight.map { $0 * alpha }
        try linear(node, input, scaled, transposed: transposed, bias)
    }

    mutating func matrixProduct(_ node: ONNXNode) throws {
        let input = try activation(0, of: node)
        let weight = try constant(node.required(1), of: node)
        guard weight.dims.count == 2, input.dims.last == input.count else {
            throw node.unsupported("its matrices are \([batch] + input.dims) and \(weight.dims)")
        }
        try linear(node, input, weight, transposed: false, nil)
    }

    private mutating func linear(
        _ node: ONNXNode, _ input: Activation, _ weight: ONNXTensor, transposed: Bool, _ bias: ONNXTensor?
    ) throws {
        let (outputs, inputs) = transposed ? (weight.dims[0], weight.dims[1]) : (weight.dims[1], weight.dims[0])
        guard inputs == input.count else {
            throw node.malformed("its weights are \(weight.dims), for \(input.count) inputs")
        }
        var stored = weight
        if !transposed {
            try spend(weight.stored, node)
            stored = weight.selected([outputs, inputs], [1, outputs], offset: 0)
        }
        let name = parameter(try node.required(1), stored, [outputs, inputs])
        var result = try vector(input)
        let biasName = bias.map { parameter(node.input(2) ?? node.title, $0, [outputs]) }
        result.node = add(
            try node.oneResult(), .linear(outputs: outputs, weight: name, bias: biasName), [result.node])
        result.storage = .vector(outputs)
        result.dims[result.dims.count - 1] = outputs
        try define(node, result)
    }
}
