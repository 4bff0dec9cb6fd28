/// A node of an ONNX graph, whose attributes are read by name and type. What is not read by then is refused: an
/// attribute that the importer doesn't know might change the result.
final class ONNXNode {
    let type: String
    /// Names of the inputs; empty for one left out.
    let inputs: [String]
    let outputs: [String]
    /// The version of the standard operators.
    let opset: Int
    /// How messages call it.
    let title: String
    private var unread: [String: Onnx_AttributeProto] = [:]

    init(_ proto: Onnx_NodeProto, opset: Int) throws(ONNXRefusal) {
        type = proto.opType
        inputs = proto.input
        outputs = proto.output
        self.opset = opset
        let name = proto.name.isEmpty ? proto.output.first ?? "" : proto.name
        title = "the \(ONNXNode.shown(proto.opType)) “\(ONNXNode.shown(name))”"
        for attribute in proto.attribute {
            guard attribute.refAttrName.isEmpty else { throw .unsupported("\(title) takes attributes of a function") }
            guard unread.updateValue(attribute, forKey: attribute.name) == nil else {
                throw .malformed("\(title) has the attribute “\(ONNXNode.shown(attribute.name))” twice")
            }
        }
    }

    /// A name of the file, short enough for a message.
    static func shown(_ name: String) -> String { String(name.prefix(100)) }

    func unsupported(_ reason: String) -> ONNXRefusal { .unsupported("\(title) can't be computed: \(reason)") }

    func malformed(_ reason: String) -> ONNXRefusal { .malformed("\(title) is not valid: \(reason)") }

    /// The name of an input, nil where it is left out.
    func input(_ index: Int) -> String? {
        index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
    }

    /// The name of an input that must be there.
    func required(_ index: Int) throws(ONNXRefusal) -> String {
        guard let name = input(index) else { throw malformed("it lacks its input \(index)") }
        return name
    }

    /// Checks that nothing reads results beyond the first, such as a mask.
    func oneResult() throws(ONNXRefusal) -> String {
        guard let first = outputs.first, !first.isEmpty else { throw malformed("it has no result") }
        return first
    }

    // MARK: Attributes

    private func take(
        _ name: String, _ type: Onnx_AttributeProto.AttributeType
    ) throws(ONNXRefusal) -> Onnx_AttributeProto? {
        guard let attribute = unread.removeValue(forKey: name) else { return nil }
        guard attribute.type == type || attribute.type == .undefined else {
            throw malformed("its attribute “\(name)” is of another type")
        }
        return attribute
    }

    func int(_ name: String) throws(ONNXRefusal) -> Int? { try take(name, .int).map { Int($0.i) } }

    func int(_ name: String, default value: Int) throws(ONNXRefusal) -> Int { try int(name) ?? value }

    func ints(_ name: String) throws(ONNXRefusal) -> [Int]? { try take(name, .ints).map { $0.ints.map(Int.init) } }

    /// A finite number.
    func float(_ name: String) throws(ONNXRefusal) -> Float? {
        guard let value = try take(name, .float)?.f else { return nil }
        guard value.isFinite else { throw malformed("its attribute “\(name)” is no number") }
        return value
    }

    func float(_ name: String, default value: Float) throws(ONNXRefusal) -> Float { try float(name) ?? value }

    func floats(_ name: String) throws(ONNXRefusal) -> [Float]? { try take(name, .floats)?.floats }

    func string(_ name: String, default value: String) throws(ONNXRefusal) -> String {
        guard let bytes = try take(name, .string)?.s else { return value }
        return String(decoding: bytes, as: UTF8.self)
    }

    func tensor(_ name: String) throws(ONNXRefusal) -> ONNXTensor? {
        guard let attribute = try take(name, .tensor) else { return nil }
        return try ONNXTensor(attribute.t, "the attribute “\(name)” of \(title)")
    }

    /// Reads an attribute that must have the one value with which it changes nothing.
    func expect(_ name: String, _ value: Int, else reason: String) throws(ONNXRefusal) {
        if let found = try int(name), found != value { throw unsupported(reason) }
    }

    /// Reads an attribute that takes no part in evaluation.
    func ignore(_ names: String...) { for name in names { unread[name] = nil } }

    /// Throws where an attribute has not been read.
    func finish() throws(ONNXRefusal) {
        guard let name = unread.keys.min() else { return }
        throw unsupported("its attribute “\(ONNXNode.shown(name))” is not known for opset \(opset)")
    }
}
