/// Turns an ONNX graph into a `NetworkGraph`, node by node in the file's order.
///
/// A value of the ONNX graph is a constant, computed here, or an activation, computed by a node of the network. Shapes of
/// activations are kept without the batch, which no operator may touch: a reshape of an activation is then a change of
/// its extents alone, until a node wants it as a feature map or as a vector.
struct ONNXImporter {
    let opset: Int

    enum Value {
        case constant(ONNXTensor)
        case activation(Activation)
    }

    struct Activation {
        /// The node of the network that computes it, before `affines`.
        var node: String
        /// In which form that node leaves it.
        var storage: ValueShape
        /// The extents that it has in the ONNX graph, without the batch: another reading of as many elements.
        var dims: [Int]
        /// Scales and shifts by channel that are not yet nodes, the first first.
        var affines: [Affine] = []

        var count: Int { storage.count }
    }

    /// x scale + shift, by channel (the first of `dims`).
    struct Affine {
        var scale: [Double]
        var shift: [Double]
        /// The tensors that say so, where it is one batch norm as it stands in the file.
        var norm: NetworkGraph.BatchNormParameters?
    }

    private(set) var values: [String: Value] = [:]
    private(set) var nodes: [NetworkGraph.Node] = []
    private(set) var parameters: [String: ONNXTensor] = [:]
    /// The batch that the file is written for.
    private(set) var batch = 1
    private var nodeNames = UniqueNames(taken: [NetworkGraph.inputName])
    private var parameterNames = UniqueNames(taken: [])
    /// Nodes that flatten others or unflatten them, by what they do.
    var changes: [String: String] = [:]
    /// Elements that constants computed here may still take: some times those in the file, which a small file can't
    /// drive up.
    private var budget = 1 << 24

    init(opset: Int) { self.opset = opset }

    // MARK: The graph

    mutating func run(
        _ graph: Onnx_GraphProto, input: FeatureShape?
    ) throws -> (NetworkGraph, [String: ONNXTensor]) {
        guard graph.sparseInitializer.isEmpty else { throw ONNXRefusal.unsupported("it has sparse weights") }
        for initializer in graph.initializer {
            let name = "the tensor “\(ONNXNode.shown(initializer.name))”"
            let tensor = try ONNXTensor(initializer, name)
            budget += 4 * tensor.count
            guard values.updateValue(.constant(tensor), forKey: initializer.name) == nil else {
                throw ONNXRefusal.malformed("it has \(name) twice")
            }
        }
        guard graph.output.count == 1 else {
            throw ONNXRefusal.unsupported("it has \(graph.output.count) results instead of 1")
        }
        let shape = try readInput(graph, input)
        for node in try needed(graph.node, for: graph.output[0].name) { try read(node) }
        // Of one tensor, every use has its own.
        guard parameters.values.reduce(0, { $0 + $1.count }) <= ONNXTensor.limit else {
            throw ONNXRefusal.unsupported("its weights, counted for each use, take more memory than any model's")
        }
        guard case .activation(let result)? = values[graph.output[0].name] else {
            throw ONNXRefusal.malformed("nothing of its graph computes its result from its input")
        }
        let output = try finished(result)
        let network = NetworkGraph(input: shape, nodes: reachable(from: output), output: output)
        _ = try network.shapes()
        return (network, parameters)
    }

    private mutating func readInput(
        _ graph: Onnx_GraphProto, _ given: FeatureShape?
    ) throws(ONNXRefusal) -> FeatureShape {
        // Up to IR version 3, initialisers are inputs as well.
        let inputs = graph.input.filter { values[$0.name] == nil }
        guard inputs.count == 1 else {
            throw .unsupported("it takes \(inputs.count) inputs, and Longview gives a network one, the picture")
        }
        let type = inputs[0].type.tensorType
        guard type.elemType == Onnx_TensorProto.DataType.float.rawValue else {
            throw .unsupported("its input is not float32; export the model in single precision")
        }
        let extents = type.shape.dim
        guard 2...4 ~= extents.count else {
            throw .unsupported(
                "its input has \(extents.count) dimensions; pictures have batch, channels, rows, columns")
        }
        let names = given.map { [$0.channels, $0.height, $0.width] }
        var dims: [Int] = []
        for (i, extent) in extents.enumerated().dropFirst() {
            if case .dimValue(let value)? = extent.value, value > 0 {
                dims.append(Int(value))
            } else if let names, extents.count == 4 {
                dims.append(names[i - 1])
            } else {
                throw .unsupported(
                    "its input leaves its dimension \(i) open; state the input's shape in the description")
            }
        }
        guard dims.allSatisfy({ 1...NetworkGraph.extentLimit ~= $0 }) else {
            throw .unsupported("its input of \(dims) is larger than any picture")
        }
        if case .dimValue(let value)? = extents[0].value, value > 0 { batch = Int(value) }
        guard batch <= 1 << 16 else { throw .unsupported("it is written for batches of \(batch)") }
        let shape: FeatureShape
        switch dims.count {
        case 3: shape = FeatureShape(channels: dims[0], height: dims[1], width: dims[2])
        case 2: shape = FeatureShape(channels: dims[0], height: 1, width: dims[1])
        default: shape = FeatureShape(channels: dims[0], height: 1, width: 1)
        }
        if let given, given != shape {
            throw .unsupported(
                "it takes \(shape.channels) × \(shape.height) × \(shape.width), and the description says "
                    + "\(given.channels) × \(given.height) × \(given.width)")
        }
        guard shape.channels * shape.pixels <= NetworkGraph.valueLimit else {
            throw .unsupported("its input of \(dims) is larger than any picture")
        }
        values[inputs[0].name] = .activation(
            Activation(node: NetworkGraph.inputName, storage: .map(shape), dims: dims))
        return shape
    }

    /// The nodes that `output` depends on: others, such as what training left behind, are not looked at.
    private func needed(
        _ nodes: [Onnx_NodeProto], for output: String
    ) throws(ONNXRefusal) -> [ONNXNode] {
        var producer: [String: Int] = [:]
        for (i, node) in nodes.enumerated() {
            for name in node.output where !name.isEmpty {
                guard producer.updateValue(i, forKey: name) == nil, values[name] == nil else {
                    throw .malformed("the value “\(ONNXNode.shown(name))” is computed twice")
                }
            }
        }
        var needed: Set<Int> = []
        var open = [output]
        while let name = open.popLast() {
            guard let index = producer[name], needed.insert(index).inserted else { continue }
            open += nodes[index].input
        }
        var read: [ONNXNode] = []
        for index in needed.sorted() {
            let node = nodes[index]
            guard node.domain.isEmpty || node.domain == "ai.onnx" else {
                throw .unsupported(
                    "the operator \(ONNXNode.shown(node.opType)) of “\(ONNXNode.shown(node.domain))” is none of ONNX's own"
                )
            }
            read.append(try ONNXNode(node, opset: opset))
        }
        return read
    }

    private func reachable(from output: String) -> [NetworkGraph.Node] {
        var needed: Set<String> = [output]
        var kept: [NetworkGraph.Node] = []
        for node in nodes.reversed() where needed.contains(node.name) {
            needed.formUnion(node.inputs)
            kept.append(node)
        }
        return kept.reversed()
    }

    /// The node whose result is the network's: a vector, where it has one dimension, or one element a channel.
    private mutating func finished(_ result: Activation) throws -> String {
        let result = try settled(result)
        var node = result.node
        if result.dims.count == 1 || result.count == result.dims[0] { node = try vector(result).node }
        guard node != NetworkGraph.inputName else { throw ONNXRefusal.unsupported("it computes nothing") }
        return node
    }

    // MARK: Values

    func value(_ name: String, of node: ONNXNode) throws(ONNXRefusal) -> Value {
        guard let value = values[name] else {
            throw node.malformed("its input “\(ONNXNode.shown(name))” is not computed before it")
        }
        return value
    }

    /// The constant that an input must be.
    func constant(_ name: String, of node: ONNXNode) throws(ONNXRefusal) -> ONNXTensor {
        guard case .constant(let tensor) = try value(name, of: node) else {
            throw node.unsupported("its input “\(ONNXNode.shown(name))” depends on the picture, and must be a constant")
        }
        return tensor
    }

    func optionalConstant(_ index: Int, of node: ONNXNode) throws(ONNXRefusal) -> ONNXTensor? {
        guard let name = node.input(index) else { return nil }
        return try constant(name, of: node)
    }

    /// Integers that an input must be.
    func integers(_ index: Int, of node: ONNXNode) throws(ONNXRefusal) -> [Int]? {
        guard let tensor = try optionalConstant(index, of: node) else { return nil }
        guard let integers = tensor.integers, tensor.dims.count <= 1 else {
            throw node.malformed("its input \(index) is no list of integers")
        }
        return integers
    }

    /// The activation that the first input must be, its scales and shifts computed.
    mutating func activation(_ index: Int, of node: ONNXNode) throws(ONNXRefusal) -> Activation {
        let name = try node.required(index)
        guard case .activation(let activation) = try value(name, of: node) else {
            throw node.unsupported("its input “\(ONNXNode.shown(name))” is a constant")
        }
        let settled = try settled(activation)
        values[name] = .activation(settled)
        return settled
    }

    mutating func define(_ name: String, _ value: Value) { values[name] = value }

    mutating func define(_ node: ONNXNode, _ activation: Activation) throws(ONNXRefusal) {
        _ = try ONNXTensor.count(activation.dims, of: "the result of \(node.title)")
        values[try node.oneResult()] = .activation(activation)
    }

    mutating func define(_ node: ONNXNode, _ tensor: ONNXTensor) throws(ONNXRefusal) {
        try spend(tensor.stored, node)
        values[try node.oneResult()] = .constant(tensor)
    }

    /// Takes `count` elements from what constants may hold together.
    mutating func spend(_ count: Int, _ node: ONNXNode) throws(ONNXRefusal) {
        guard count <= budget else {
            throw node.unsupported("the constants computed take more memory than any model's")
        }
        budget -= count
    }

    // MARK: Nodes

    /// Adds a node of the network, named as near to `name` as can be.
    mutating func add(_ name: String, _ operation: NetworkGraph.Operation, _ inputs: [String]) -> String {
        let unique = nodeNames.claim(Self.plain(name))
        nodes.append(.init(unique, operation, inputs))
        return unique
    }

    /// Gives the network a tensor and returns its name. Every use has its own.
    mutating func parameter(_ name: String, _ tensor: ONNXTensor, _ dims: [Int]) -> String {
        let unique = parameterNames.claim(Self.plain(name))
        parameters[unique] = ONNXTensor(dims: dims, values: tensor.values)
        return unique
    }

    /// Letters, digits and what needs no escapes in JSON, at most 200 of them.
    private static func plain(_ name: String) -> String {
        let text = name.unicodeScalars.prefix(200).map { scalar in
            let allowed =
                scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_.-/:".unicodeScalars.contains(scalar))
            return allowed ? Character(scalar) : "_"
        }
        return text.isEmpty ? "_" : String(text)
    }
}

/// Names of which each is given once.
private struct UniqueNames {
    var taken: Set<String>
    /// The last number that made a name unique: a file may have many thousands alike.
    private var numbers: [String: Int] = [:]

    init(taken: Set<String>) { self.taken = taken }

    /// `name` as it is or, where that is taken, with the next number that isn't.
    mutating func claim(_ name: String) -> String {
        var unique = name
        while !taken.insert(unique).inserted {
            let number = numbers[name, default: 1] + 1
            numbers[name] = number
            unique = "\(name).\(number)"
        }
        return unique
    }
}
