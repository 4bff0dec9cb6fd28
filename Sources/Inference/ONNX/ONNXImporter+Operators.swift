extension ONNXImporter {
    /// Reads one node: computes it, where its inputs are constants, or adds what computes it to the network.
    mutating func read(_ node: ONNXNode) throws {
        switch node.type {
        case "Conv": try convolution(node)
        case "BatchNormalization": try batchNorm(node)
        case "MaxPool", "AveragePool": try pool(node)
        case "GlobalMaxPool", "GlobalAveragePool", "ReduceMax", "ReduceMean": try globalPool(node)
        case "LRN": try responseNorm(node)
        case "Pad": try border(node)
        case "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "HardSigmoid":
            try activationFunction(node)
        case "HardSwish": try hardSwish(node)
        case "PRelu": try prelu(node)
        case "Softmax", "LogSoftmax": try softmax(node)
        case "Add", "Sum", "Sub", "Mul", "Div": try arithmetic(node)
        case "Neg": try negative(node)
        case "Gemm": try gemm(node)
        case "MatMul": try matrixProduct(node)
        case "Concat": try concat(node)
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze": try reshape(node)
        case "Transpose": try transpose(node)
        case "Slice": try slice(node)
        case "Split": try split(node)
        case "Gather": try gather(node)
        case "Expand": try expand(node)
        case "Shape": try shape(node)
        case "Constant": try constant(node)
        case "ConstantOfShape": try constantOfShape(node)
        case "Cast": try cast(node)
        case "Identity": try define(try node.oneResult(), value(node.required(0), of: node))
        case "Dropout": try dropout(node)
        default:
            throw ONNXRefusal.unsupported(
                "\(node.title) is no operator that Longview computes; docs/models.md lists those")
        }
        try node.finish()
    }

    private mutating func dropout(_ node: ONNXNode) throws {
        node.ignore("ratio", "seed")
        if node.opset < 7 { try node.expect("is_test", 1, else: "it is in training mode") }
        if let training = try optionalConstant(2, of: node), training.integers != [0] {
            throw node.unsupported("it is in training mode; export the model for evaluation")
        }
        try define(try node.oneResult(), value(node.required(0), of: node))
    }

    // MARK: Functions

    private mutating func activationFunction(_ node: ONNXNode) throws {
        var input = try activation(0, of: node)
        let name = try node.oneResult()
        switch node.type {
        case "Relu": input.node = add(name, .relu, [input.node])
        case "Selu":
            let (alpha, gamma) = (
                try node.float("alpha", default: 1.673_263_2), Double(try node.float("gamma", default: 1.050_701))
            )
            input.node = add(name, .activation(.elu(alpha: alpha)), [input.node])
            let channels = input.dims[0]
            try spend(4 * channels, node)
            input.affines = [
                Affine(
                    scale: Array(repeating: gamma, count: channels), shift: Array(repeating: 0, count: channels))
            ]
        default: input.node = add(name, .activation(try function(node)), [input.node])
        }
        try define(node, input)
    }

    private func function(_ node: ONNXNode) throws -> NetworkGraph.Activation {
        switch node.type {
        case "Clip":
            func bound(_ index: Int, _ attribute: String, _ unlimited: Float) throws -> Float {
                if node.opset < 11 { return try node.float(attribute, default: unlimited) }
                guard let tensor = try optionalConstant(index, of: node) else { return unlimited }
                guard tensor.count == 1, let value = tensor.floats.first, !value.isNaN else {
                    throw node.malformed("its input \(index) is no number")
                }
                return max(-.greatestFiniteMagnitude, min(value, .greatestFiniteMagnitude))
            }
            return .clip(
                lower: try bound(1, "min", -.greatestFiniteMagnitude),
                upper: try bound(2, "max", .greatestFiniteMagnitude))
        case "LeakyRelu": return .leakyRelu(slope: try node.float("alpha", default: 0.01))
        case "Tanh": return .tanh
        case "Elu": return .elu(alpha: try node.float("alpha", default: 1))
        case "Softplus": return .softplus
        case "HardSigmoid":
            return .hardSigmoid(
                slope: try node.float("alpha", default: 0.2), offset: try node.float("beta", default: 0.5))
        default: return .sigmoid
        }
    }

    /// x times the hard sigmoid of x / 6 + 1 / 2.
    private mutating func hardSwish(_ node: ONNXNode) throws {
        var input = try activation(0, of: node)
        let name = try node.oneResult()
        let factor = add(name + ".factor", .activation(.hardSigmoid(slope: 1 / 6, offset: 0.5)), [input.node])
        input.node = add(name, .multiply, [input.node, factor])
        try define(node, input)
    }

    private mutating func prelu(_ node: ONNXNode) throws {
        var input = try activation(0, of: node)
        var slope = try constant(node.required(1), of: node)
        // Until opset 7, a list of slopes was one for each channel.
        if node.opset < 7, slope.dims.count == 1 { slope.dims += Array(repeating: 1, count: input.dims.count - 1) }
        try spend(input.dims[0], node)
        guard let slopes = perChannel(slope, of: input.dims) else {
            throw node.unsupported("its slopes of \(slope.dims) are not one for each channel")
        }
        input = input.dims.count == 1 ? try vector(input) : try map(input)
        let dims = [slopes.count]
        let name = parameter(
            try node.required(1), ONNXTensor(dims: dims, values: .floats(slopes)), dims)
        input.node = add(try node.oneResult(), .prelu(slope: name), [input.node])
        try define(node, input)
    }

    /// `tensor`'s value for each channel of an activation of `dims`, where broadcasting gives all of a channel's elements
    /// the same.
    func perChannel(_ tensor: ONNXTensor, of dims: [Int]) -> [Float]? {
        if tensor.count == 1, tensor.dims.count <= dims.count + 1 {
            return Array(repeating: tensor.floats[0], count: dims[0])
        }
        // Of (batch, channels, …), only the channels may vary.
        let rank = dims.count + 1
        guard tensor.dims.count <= rank else { return nil }
        let extents = Array(repeating: 1, count: rank - tensor.dims.count) + tensor.dims
        guard extents[1] == dims[0], tensor.count == dims[0] else { return nil }
        return tensor.floats
    }

    private mutating func softmax(_ node: ONNXNode) throws {
        let logarithm = node.type == "LogSoftmax"
        var input = try vector(activation(0, of: node))
        let rank = input.dims.count + 1
        let axis = try node.int("axis", default: node.opset < 13 ? 1 : -1)
        let dimension = (axis < 0 ? axis + rank : axis) - 1
        guard 0..<input.dims.count ~= dimension else {
            throw node.unsupported("it goes along dimension \(axis), the batch")
        }
        // Until opset 13, along all dimensions from the axis on.
        let length = node.opset < 13 ? input.dims.dropFirst(dimension).reduce(1, *) : input.dims[dimension]
        let inner = node.opset < 13 ? 1 : input.dims.dropFirst(dimension + 1).reduce(1, *)
        let whole = length == input.count && !logarithm
        input.node = add(
            try node.oneResult(), whole ? .softmax : .softmaxAlong(length: length, inner: inner, logarithm: logarithm),
            [input.node])
        try define(node, input)
    }

    // MARK: Norms

    private mutating func batchNorm(_ node: ONNXNode) throws {
        node.ignore("momentum")
        // Until opset 7, whether it trains; until 9, whether channels share their statistics over the picture.
        if node.opset < 7, try node.int("is_test", default: 0) != 1 {
            throw node.unsupported("it is in training mode; export the model for evaluation")
        }
        try node.expect("spatial", 1, else: "it has statistics for each pixel")
        try node.expect("training_mode", 0, else: "it is in training mode; export the model for evaluation")
        if node.opset < 7 { node.ignore("consumed_inputs") }
        let name = try node.required(0)
        guard case .activation(var input) = try value(name, of: node) else {
            throw node.unsupported("its input is a constant")
        }
        let channels = input.dims[0]
        let attribute = try node.float("epsilon", default: 1e-5)
        // float32 of a decimal that somebody wrote, which the shortest one is.
        guard let epsilon = Double("\(attribute)"), epsilon >= 0 else {
            throw node.malformed("its epsilon is no small number")
        }
        var tensors: [ONNXTensor] = []
        for index in 1...4 {
            let tensor = try constant(node.required(index), of: node)
            guard tensor.dims == [channels] else {
                throw node.malformed("its input \(index) is \(tensor.dims), and should be [\(channels)]")
            }
            tensors.append(tensor)
        }
        try spend(12 * channels + input.affines.count, node)
        let values = tensors.map { $0.floats.map(Double.init) }
        var affine = Affine(scale: [], shift: [])
        for i in 0..<channels {
            let scale = values[0][i] / (values[3][i] + epsilon).squareRoot()
            affine.scale.append(scale)
            affine.shift.append(values[1][i] - values[2][i] * scale)
        }
        if input.affines.isEmpty {
            var norm = NetworkGraph.BatchNormParameters(prefix: "", epsilon: epsilon)
            norm.weight = parameter(node.inputs[1], tensors[0], [channels])
            norm.bias = parameter(node.inputs[2], tensors[1], [channels])
            norm.mean = parameter(node.inputs[3], tensors[2], [channels])
            norm.variance = parameter(node.inputs[4], tensors[3], [channels])
            affine.norm = norm
        }
        input.affines.append(affine)
        try define(node, input)
    }

    private mutating func responseNorm(_ node: ONNXNode) throws {
        var input = try map(activation(0, of: node))
        guard let size = try node.int("size") else { throw node.malformed("it lacks its size") }
        let norm = NetworkGraph.ResponseNorm(
            size: size, alpha: Double(try node.float("alpha", default: 1e-4)),
            beta: Double(try node.float("beta", default: 0.75)), bias: Double(try node.float("bias", default: 1)))
        input.node = add(try node.oneResult(), .responseNorm(norm), [input.node])
        try define(node, input)
    }
}
