import Foundation
import SwiftProtobuf
import TestSupport

@testable import Inference

/// An ONNX model made by hand: x of (1, channels, rows, columns) to y.
struct ONNXBuilder {
    var model = Onnx_ModelProto()

    init(input: [Int], opset: Int64 = 17) {
        model.irVersion = 8
        var standard = Onnx_OperatorSetIdProto()
        standard.version = opset
        model.opsetImport = [standard]
        model.graph.input = [Self.info("x", input)]
        model.graph.output = [Self.info("y", [])]
    }

    private static func info(_ name: String, _ dims: [Int]) -> Onnx_ValueInfoProto {
        var info = Onnx_ValueInfoProto()
        info.name = name
        info.type.tensorType.elemType = 1
        info.type.tensorType.shape.dim = dims.map { extent in
            var dim = Onnx_TensorShapeProto.Dimension()
            // A negative extent stands for one that is left open.
            dim.value = extent < 0 ? .dimParam("N") : .dimValue(Int64(extent))
            return dim
        }
        return info
    }

    enum Attribute {
        case int(Int)
        case ints([Int])
        case float(Float)
        case string(String)
        case tensor(Onnx_TensorProto)
    }

    mutating func node(
        _ type: String, _ inputs: [String], _ outputs: [String] = ["y"], _ attributes: [String: Attribute] = [:]
    ) {
        var node = Onnx_NodeProto()
        (node.opType, node.input, node.output) = (type, inputs, outputs)
        node.attribute = attributes.sorted { $0.key < $1.key }.map { name, value in
            var attribute = Onnx_AttributeProto()
            attribute.name = name
            switch value {
            case .int(let value): (attribute.type, attribute.i) = (.int, Int64(value))
            case .ints(let values): (attribute.type, attribute.ints) = (.ints, values.map(Int64.init))
            case .float(let value): (attribute.type, attribute.f) = (.float, value)
            case .string(let value): (attribute.type, attribute.s) = (.string, Data(value.utf8))
            case .tensor(let value): (attribute.type, attribute.t) = (.tensor, value)
            }
            return attribute
        }
        model.graph.node.append(node)
    }

    static func floats(_ name: String, _ dims: [Int], _ values: [Float]) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        (tensor.name, tensor.dataType, tensor.dims) = (name, 1, dims.map(Int64.init))
        tensor.rawData = values.withUnsafeBytes { Data($0) }
        return tensor
    }

    mutating func constant(_ name: String, _ dims: [Int], _ values: [Float]) {
        model.graph.initializer.append(Self.floats(name, dims, values))
    }

    mutating func constant(_ name: String, _ values: [Int]) {
        var tensor = Onnx_TensorProto()
        (tensor.name, tensor.dataType, tensor.dims) = (name, 7, [Int64(values.count)])
        tensor.int64Data = values.map(Int64.init)
        model.graph.initializer.append(tensor)
    }

    func bytes() throws -> Data { try model.serializedBytes() }

    func read(input: FeatureShape? = nil) throws -> ONNXModel {
        try ONNXModel(bytes(), name: "made.onnx", input: input)
    }

    /// The result for a batch of 1.
    func run(_ input: [Float]) throws -> [Float] {
        let model = try read()
        return try Network(graph: model.graph, weights: model.weights(), options: .init(threads: 1))
            .run(input, batch: 1).values
    }

    /// What one operator makes of `input`, of the extents `dims`.
    static func run(
        _ type: String, _ dims: [Int], _ input: [Float], opset: Int64 = 17, _ attributes: [String: Attribute] = [:],
        constants: [(dims: [Int], values: [Float])] = [], lists: [[Int]] = []
    ) throws -> [Float] {
        var builder = ONNXBuilder(input: dims, opset: opset)
        var names = ["x"]
        for constant in constants {
            names.append("c\(names.count)")
            builder.constant(names.last!, constant.dims, constant.values)
        }
        for list in lists {
            names.append("c\(names.count)")
            builder.constant(names.last!, list)
        }
        builder.node(type, names, ["y"], attributes)
        return try builder.run(input)
    }
}
