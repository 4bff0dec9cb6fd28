import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import Inference

/// Files that lie, and files of what Longview doesn't compute.
@Suite("hostile ONNX files")
struct ONNXHostileTests {
    private func refusal(_ builder: ONNXBuilder) throws -> InferenceError? { try refusal(builder.bytes()) }

    private func refusal(_ bytes: Data) -> InferenceError? {
        #expect(throws: InferenceError.self) { try ONNXModel(bytes, name: "hostile.onnx") }
    }

    /// A convolution, ReLU, pool and linear.
    private func classifier() -> ONNXBuilder {
        var builder = ONNXBuilder(input: [1, 3, 8, 8])
        var random = SeededGenerator(state: 9)
        builder.constant("w", [4, 3, 3, 3], random.floats(108))
        builder.constant("b", [4], random.floats(4))
        builder.constant("m", [4, 2], random.floats(8))
        builder.constant("target", [1, -1])
        builder.node("Conv", ["x", "w", "b"], ["c"], ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2])])
        builder.node("Relu", ["c"], ["r"])
        builder.node("GlobalAveragePool", ["r"], ["g"])
        builder.node("Reshape", ["g", "target"], ["f"])
        builder.node("MatMul", ["f", "m"])
        return builder
    }

    @Test("a file cut short anywhere, or of something else, is refused")
    func truncated() throws {
        let bytes = try classifier().bytes()
        _ = try ONNXModel(bytes, name: "whole.onnx")
        for count in 0..<bytes.count {
            let error = #expect(throws: InferenceError.self) { try ONNXModel(bytes.prefix(count), name: "cut.onnx") }
            #expect(error?.message.contains("cut.onnx") == true)
        }
        #expect(refusal(Data("not an ONNX file".utf8))?.code == .malformedONNX)
        // A length of 2^63 - 1 for the graph, and groups in groups.
        #expect(refusal(Data([0x3A] + [UInt8](repeating: 0xFF, count: 8) + [0x7F]))?.code == .malformedONNX)
        #expect(refusal(Data(repeating: 0x3B, count: 1 << 20))?.code == .malformedONNX)
        let missing = FileManager.default.temporaryDirectory.appendingPathComponent("no-such.onnx")
        #expect(throws: InferenceError.self) { try ONNXModel(url: missing) }
    }

    @Test("a small file can't ask for memory beyond any model's, or for hours", .timeLimit(.minutes(1)))
    func demands() throws {
        func refused(_ input: [Int], _ build: (inout ONNXBuilder) -> Void) throws {
            var builder = ONNXBuilder(input: input)
            build(&builder)
            let error = try refusal(builder)
            #expect(error?.code == .unsupportedONNX && error?.message.contains("memory") == true, "\(error!)")
        }
        // Half a thousand million zeros, which take no memory until something is computed of each.
        try refused([1, 3, 8, 8]) { builder in
            builder.constant("extents", [1 << 29])
            builder.node("ConstantOfShape", ["extents"], ["zeros"])
            builder.node("Cast", ["zeros"], ["whole"], ["to": .int(7)])
            builder.node("Add", ["x", "whole"])
        }
        // One tensor as the weights of many layers.
        try refused([1, 1 << 12, 1, 1]) { builder in
            builder.constant("extents", [1 << 12, 1 << 12, 1, 1])
            builder.node("ConstantOfShape", ["extents"], ["w"])
            for i in 0..<40 { builder.node("Conv", [i == 0 ? "x" : "\(i - 1)", "w"], [i == 39 ? "y" : "\(i)"]) }
        }
        // A factor for each of many elements.
        try refused([1, 1, 4096, 4096]) { builder in
            builder.constant("two", [], [2])
            builder.node("Flatten", ["x"], ["flat"])
            builder.node("Mul", ["flat", "two"])
        }
        // Names that differ in letters which a package's names don't have.
        var builder = ONNXBuilder(input: [1, 3, 8, 8])
        var last = "x"
        for i in 0..<1 << 14 {
            let name = (0..<14).map { i >> $0 & 1 == 0 ? "é" : "ü" }.joined()
            builder.node("Relu", [last], [name])
            last = name
        }
        builder.node("Relu", [last])
        #expect(try ONNXModel(builder.bytes(), name: "alike.onnx").graph.nodes.count == (1 << 14) + 1)
    }

    @Test("tensors whose extents and values disagree, or whose values lie elsewhere, are refused by name")
    func tensors() throws {
        func changed(_ change: (inout Onnx_TensorProto) -> Void) throws -> InferenceError? {
            var builder = classifier()
            change(&builder.model.graph.initializer[0])
            return try refusal(builder)
        }
        for dims: [Int64] in [
            [4, 3, 3, 4], [4, 3, 3], [-4, 3, 3, -3], [.max, .max, .max, .max], [1 << 62, 4, 1, 1], [1 << 31, 1, 1, 1],
            [0, 1 << 40, 1 << 40, 3], [1 << 40, 1 << 40, 0, 3],
        ] {
            let error = try changed { $0.dims = dims }
            #expect(error?.code == .malformedONNX, "\(dims)")
            #expect(error?.message.contains("“w”") == true || error?.message.contains("Conv") == true)
        }
        #expect(try changed { $0.rawData.removeLast() }?.code == .malformedONNX)
        #expect(try changed { $0.rawData = Data() }?.code == .malformedONNX)
        let external = try changed { $0.dataLocation = .external }
        #expect(external?.code == .unsupportedONNX)
        #expect(external?.message.contains("another file") == true)
        #expect(try changed { $0.segment.end = 4 }?.code == .unsupportedONNX)
        for type: Int32 in [0, 2, 8, 14, 17, 99, -1] {
            #expect(try changed { $0.dataType = type }?.code == .unsupportedONNX, "\(type)")
        }
        #expect(try changed { $0.name = "b" }?.message.contains("twice") == true)
    }

    @Test("a tensor of half the precision, or twice, becomes float32")
    func elementTypes() throws {
        let values: [Float] = [1, -2.5, 0.125]
        func read(_ type: Onnx_TensorProto.DataType, _ change: (inout Onnx_TensorProto) -> Void) throws -> [Float] {
            var tensor = Onnx_TensorProto()
            (tensor.dataType, tensor.dims) = (Int32(type.rawValue), [3])
            change(&tensor)
            return try ONNXTensor(tensor, "t").floats
        }
        let halves = values.map { Float16($0).bitPattern }
        let brains = values.map { UInt16($0.bitPattern >> 16) }
        #expect(try read(.float16) { $0.rawData = halves.withUnsafeBytes { Data($0) } } == values)
        #expect(try read(.float16) { $0.int32Data = halves.map(Int32.init) } == values)
        #expect(try read(.bfloat16) { $0.rawData = brains.withUnsafeBytes { Data($0) } } == values)
        #expect(try read(.bfloat16) { $0.int32Data = brains.map(Int32.init) } == values)
        #expect(try read(.double) { $0.doubleData = values.map(Double.init) } == values)
        #expect(try read(.double) { $0.rawData = values.map(Double.init).withUnsafeBytes { Data($0) } } == values)
        #expect(try read(.float) { $0.floatData = values } == values)
    }

    @Test("graphs that go in circles, miss a value or compute one twice are refused")
    func graphs() throws {
        var circle = ONNXBuilder(input: [1, 3, 8, 8])
        circle.node("Add", ["x", "b"], ["a"])
        circle.node("Relu", ["a"], ["b"])
        circle.node("Relu", ["b"])
        #expect(try refusal(circle)?.message.contains("not computed before it") == true)
        var absent = classifier()
        absent.model.graph.node[0].input[1] = "nowhere"
        #expect(try refusal(absent)?.message.contains("nowhere") == true)
        var twice = classifier()
        twice.model.graph.node[1].output = ["c"]
        #expect(try refusal(twice)?.message.contains("twice") == true)
        var lacking = classifier()
        lacking.model.graph.node[0].input = []
        #expect(try refusal(lacking)?.code == .malformedONNX)
        var silent = classifier()
        silent.model.graph.output[0].name = "z"
        #expect(try refusal(silent)?.code == .malformedONNX)
        var idle = ONNXBuilder(input: [1, 3, 8, 8])
        idle.node("Identity", ["x"])
        #expect(try refusal(idle)?.code == .unsupportedONNX)
        var two = classifier()
        two.model.graph.output.append(two.model.graph.output[0])
        #expect(try refusal(two)?.code == .unsupportedONNX)
    }

    @Test("what is not computed is refused by its name")
    func unsupported() throws {
        func message(_ change: (inout ONNXBuilder) -> Void) throws -> String {
            var builder = classifier()
            change(&builder)
            let error = try refusal(builder)
            #expect(error?.code == .unsupportedONNX)
            return error?.message ?? ""
        }
        #expect(try message { $0.model.graph.node[1].opType = "Einsum" }.contains("Einsum"))
        #expect(try message { $0.model.graph.node[1].domain = "com.example" }.contains("com.example"))
        #expect(try message { $0.model.opsetImport[0].version = 22 }.contains("opset 22"))
        #expect(try message { $0.model.opsetImport[0].version = 5 }.contains("opset 5"))
        #expect(try message { $0.model.opsetImport = [] }.contains("opset"))
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type) = ("gain", .float)
        #expect(try message { $0.model.graph.node[1].attribute = [attribute] }.contains("gain"))
        #expect(try message { $0.model.graph.sparseInitializer = [Onnx_SparseTensorProto()] }.contains("sparse"))
        #expect(try message { $0.model.graph.input[0].type.tensorType.elemType = 10 }.contains("float32"))
        #expect(try message { $0.model.graph.input.append($0.model.graph.input[0]) }.contains("2 inputs"))
        #expect(try message { $0.model.graph.input[0].type.tensorType.shape.dim.removeLast(3) }.contains("dimensions"))
        #expect(
            try message {
                $0.constant("t", [2, -1]); $0.model.graph.node[3].input[1] = "t"
            }.contains("batch"))
    }

    @Test("extents of gigantic constants and results are refused before memory is asked for")
    func gigantic() throws {
        for extents in [[1 << 20, 1 << 20], [.max, 2], [-1, 4], [1 << 29, 2]] {
            var builder = ONNXBuilder(input: [1, 3, 8, 8])
            builder.constant("shape", extents)
            builder.node("ConstantOfShape", ["shape"], ["w"])
            builder.node("MatMul", ["x", "w"])
            #expect(try refusal(builder)?.code == .malformedONNX, "\(extents)")
        }
        for pads in [[0, 0, 1 << 40, 0, 0, 0, 0, 0], [0, 0, 60000, 60000, 0, 0, 60000, 60000]] {
            var builder = ONNXBuilder(input: [1, 3, 8, 8])
            builder.constant("pads", pads)
            builder.node("Pad", ["x", "pads"])
            #expect(try refusal(builder) != nil)
        }
        var builder = ONNXBuilder(input: [1, 3, 8, 8])
        builder.node(
            "AveragePool", ["x"], ["y"], ["kernel_shape": .ints([.max, .max]), "strides": .ints([.min, 0])])
        #expect(try refusal(builder) != nil)
        // Open extents are the description's to say.
        var open = classifier()
        open.model.graph.input[0].type.tensorType.shape.dim[2].value = .dimParam("rows")
        #expect(try refusal(open)?.message.contains("open") == true)
        let shape = FeatureShape(channels: 3, height: 10, width: 8)
        #expect(try open.read(input: shape).graph.input == shape)
        #expect(throws: InferenceError.self) { try classifier().read(input: shape) }
    }

    @Test("whatever a byte is changed to, the file is read or refused with a reason")
    func mutations() throws {
        var generator = SeededGenerator(state: 11)
        var files = [try classifier().bytes()]
        for name in ["test_Conv2d_groups", "test_PixelShuffle", "test_ConstantPad2d", "test_GLU"]
        where ONNXData.root != nil {
            files.append(try Data(contentsOf: ONNXData.url("pytorch-converted/\(name)/model.onnx")))
        }
        for original in files.map([UInt8].init) {
            for _ in 0..<Drill.rounds(short: 300, long: 20_000) {
                var bytes = original
                for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    case 2:
                        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
                    default: bytes.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0x7F], at: place)
                    }
                }
                do {
                    let model = try ONNXModel(Data(bytes), name: "mutated.onnx")
                    let shape = model.graph.input
                    let size = try model.graph.shapes().values.reduce(0) { $0 + $1.count }
                    guard size < 1 << 20 else { continue }
                    let network = try Network(graph: model.graph, weights: model.weights(), options: .init(threads: 1))
                    _ = try network.run(Array(repeating: 0.5, count: shape.channels * shape.pixels), batch: 1)
                } catch let error as InferenceError {
                    #expect(!error.message.isEmpty)
                }
            }
        }
    }
}
