import Foundation
import TestSupport
import Testing

@testable import Inference

@Suite("ONNX files")
struct ONNXImportTests {
    private let rising = (0..<24).map(Float.init)

    @Test("extents that the graph computes for itself are constants")
    func folding() throws {
        // What PyTorch's exporter makes of x.view(x.size(0), -1).
        var builder = ONNXBuilder(input: [1, 2, 3, 4])
        var zero = Onnx_TensorProto()
        (zero.dataType, zero.int64Data) = (7, [0])
        builder.constant("axes", [0])
        builder.constant("rest", [-1])
        builder.node("Shape", ["x"], ["shape"])
        builder.node("Constant", [], ["zero"], ["value": .tensor(zero)])
        builder.node("Gather", ["shape", "zero"], ["batch"], ["axis": .int(0)])
        builder.node("Unsqueeze", ["batch", "axes"], ["first"])
        builder.node("Concat", ["first", "rest"], ["target"], ["axis": .int(0)])
        builder.node("Reshape", ["x", "target"])
        let model = try builder.read()
        #expect(model.graph.nodes.map(\.operation) == [.flatten])
        #expect(try builder.run(rising) == rising)
    }

    @Test("a scale and a shift by channel go into the batch norm before them, and all into the convolution")
    func affines() throws {
        var builder = ONNXBuilder(input: [1, 2, 3, 4])
        builder.constant("w", [2, 2, 1, 1], [1, 0, 0, 1])
        for (name, values) in [("s", [2, 3]), ("b", [1, -1]), ("m", [0, 4]), ("v", [1, 4])] as [(String, [Float])] {
            builder.constant(name, [2], values)
        }
        builder.constant("factor", [1, 2, 1, 1], [10, 100])
        builder.constant("term", [2, 1, 1], [5, 7])
        builder.node("Conv", ["x", "w"], ["c"])
        builder.node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"], ["epsilon": .float(0)])
        builder.node("Mul", ["n", "factor"], ["f"])
        builder.node("Sub", ["term", "f"])
        let model = try builder.read()
        #expect(model.graph.nodes.count == 2)
        let network = try Network(graph: model.graph, weights: model.weights(), options: .init(threads: 1))
        let expected = rising.enumerated().map { i, x in
            i < 12 ? 5 - 10 * (2 * x + 1) : 7 - 100 * (3 * (x - 4) / 2 - 1)
        }
        #expect(try network.run(rising, batch: 1).values == expected)
    }

    @Test("operators by themselves, as ONNX defines them")
    func operators() throws {
        let x = rising
        func run(
            _ type: String, opset: Int64 = 17, _ attributes: [String: ONNXBuilder.Attribute] = [:],
            constants: [(dims: [Int], values: [Float])] = [], lists: [[Int]] = []
        ) throws -> [Float] {
            try ONNXBuilder.run(type, [1, 2, 3, 4], x, opset: opset, attributes, constants: constants, lists: lists)
        }
        #expect(try run("Transpose", ["perm": .ints([0, 2, 1, 3])]).prefix(6) == [0, 1, 2, 3, 12, 13])
        #expect(try run("Transpose", ["perm": .ints([0, 3, 2, 1])]).prefix(6) == [0, 12, 4, 16, 8, 20])
        let turned: [Float] = [2, 0, 6, 4, 10, 8, 14, 12, 18, 16, 22, 20]
        #expect(try run("Slice", lists: [[2], [.min], [3], [-2]]) == turned)
        #expect(try run("Slice", lists: [[1, -1], [2, .max], [1, 2]]) == [20, 21, 22, 23])
        #expect(
            try run("Slice", opset: 9, ["starts": .ints([1]), "ends": .ints([3]), "axes": .ints([2])]).prefix(5) == [
                4, 5, 6, 7, 8,
            ])
        #expect(try run("GlobalMaxPool") == [11, 23])
        #expect(try run("GlobalAveragePool") == [5.5, 17.5])
        #expect(try run("ReduceMean", ["axes": .ints([-1, 2]), "keepdims": .int(0)]) == [5.5, 17.5])
        #expect(try run("ReduceMean", opset: 18, lists: [[2, 3]]) == [5.5, 17.5])
        #expect(try run("Clip", constants: [([], [3]), ([], [20])]) == x.map { min(max($0, 3), 20) })
        #expect(try run("Clip", opset: 7, ["max": .float(6)]) == x.map { min($0, 6) })
        #expect(try run("Neg") == x.map { 0 - $0 })
        #expect(try run("Add", constants: [([1], [2])]) == x.map { $0 + 2 })
        #expect(
            try run("Add", opset: 6, ["broadcast": .int(1), "axis": .int(1)], constants: [([2], [1, 2])])
                == x.map { $0 + ($0 < 12 ? 1 : 2) })
        #expect(try run("Div", constants: [([2, 1, 1], [2, 4])]) == x.map { $0 / ($0 < 12 ? 2 : 4) })
    }

    @Test("pools with auto_pad and ceil_mode have the windows that the definition says")
    func windows() throws {
        let row = (0..<5).map(Float.init)
        func pool(_ attributes: [String: ONNXBuilder.Attribute]) throws -> [Float] {
            try ONNXBuilder.run(
                "MaxPool", [1, 1, 5], row,
                attributes.merging(["kernel_shape": .ints([2]), "strides": .ints([2])]) { $1 })
        }
        #expect(try pool([:]) == [1, 3])
        #expect(try pool(["ceil_mode": .int(1)]) == [1, 3, 4])
        #expect(try pool(["auto_pad": .string("SAME_UPPER")]) == [1, 3, 4])
        #expect(try pool(["auto_pad": .string("SAME_LOWER")]) == [0, 2, 4])
        #expect(try pool(["auto_pad": .string("VALID")]) == [1, 3])
        // A window that would begin on the padding behind the picture is not made.
        #expect(try pool(["ceil_mode": .int(1), "pads": .ints([1, 1])]) == [0, 2, 4])
        #expect(throws: InferenceError.self) { try pool(["auto_pad": .string("SOME")]) }
    }

    @Test("a product with what a small network made of the means: squeeze and excitation")
    func broadcast() throws {
        var builder = ONNXBuilder(input: [-1, 2, 3, 4])
        builder.constant("w", [2, 2, 1, 1], [1, 0, 0, 2])
        builder.node("GlobalAveragePool", ["x"], ["m"])
        builder.node("Conv", ["m", "w"], ["e"])
        builder.node("Mul", ["x", "e"])
        #expect(try builder.run(rising) == rising.map { $0 * ($0 < 12 ? 5.5 : 35) })
    }

    @Test("matrices, transposed or not, scaled, with a third or without")
    func gemm() throws {
        let weight: [Float] = [1, 2, 3, 4, 5, 6]
        func gemm(_ dims: [Int], _ attributes: [String: ONNXBuilder.Attribute], bias: (dims: [Int], values: [Float])?)
            throws -> [Float]
        {
            try ONNXBuilder.run(
                "Gemm", [1, 2], [10, 1], attributes, constants: [(dims, weight)] + (bias.map { [$0] } ?? []))
        }
        #expect(try gemm([2, 3], [:], bias: nil) == [14, 25, 36])
        #expect(try gemm([3, 2], ["transB": .int(1)], bias: ([3], [1, 2, 3])) == [13, 36, 59])
        #expect(try gemm([2, 3], ["alpha": .float(2), "beta": .float(0.5)], bias: ([1, 1], [4])) == [30, 52, 74])
        #expect(try ONNXBuilder.run("MatMul", [1, 2], [10, 1], constants: [([2, 3], weight)]) == [14, 25, 36])
        #expect(throws: InferenceError.self) { try gemm([3, 2], [:], bias: nil) }
    }

    @Test("a softmax over all classes at the end is dropped on request, any other is not")
    func finalSoftmax() throws {
        for type in ["Softmax", "LogSoftmax"] {
            var builder = ONNXBuilder(input: [1, 24, 1, 1])
            builder.node("Relu", ["x"], ["r"])
            builder.node("Flatten", ["r"], ["f"])
            builder.node(type, ["f"])
            var model = try builder.read()
            model.dropFinalSoftmax()
            let network = try Network(graph: model.graph, weights: model.weights(), options: .init(threads: 1))
            #expect(try network.run(rising, batch: 1).values == rising)
        }
        var rows = ONNXBuilder(input: [1, 2, 3, 4])
        rows.node("Softmax", ["x"])
        var model = try rows.read()
        let before = model.graph
        model.dropFinalSoftmax()
        #expect(model.graph == before)
    }

    // MARK: The tiny network

    @Test("the tiny network's ONNX file and the built-in architecture give the same bits", .needsSharedData)
    func tiny() throws {
        let shape = FeatureShape(channels: 3, height: 224, width: 224)
        let model = try ONNXModel(
            url: SharedData.url("reference/fixtures/tiny/model.onnx"), input: shape)
        var builtIn = InceptionV4.cxrRisk(width: 0.125, hidden: 64, classes: 2)
        // The exporter folded the batch norms of convolutions into them: the same by norms that only add the bias, without
        // an epsilon, so that their scale is 1.
        for i in builtIn.nodes.indices {
            guard case .batchNorm(var norm) = builtIn.nodes[i].operation, norm.epsilon == 1e-3 else { continue }
            norm.epsilon = 0
            builtIn.nodes[i].operation = .batchNorm(norm)
        }
        var tensors: [String: TestTensor] = [:]
        for node in model.graph.nodes {
            switch node.operation {
            case .convolution(let outputs, _, let weight, let bias):
                let path = Self.path(of: node.name)
                tensors[path + ".conv.weight"] = TestTensor(
                    shape: model.shape(of: weight)!, values: try model.withFloats(of: weight) { Array($0) })
                let values = try model.withFloats(of: #require(bias)) { Array($0) }
                for (part, value) in [("weight", Float(1)), ("running_mean", 0), ("running_var", 1)] {
                    tensors["\(path).bn.\(part)"] = TestTensor(
                        shape: [outputs], values: Array(repeating: value, count: outputs))
                }
                tensors[path + ".bn.bias"] = TestTensor(shape: [outputs], values: values)
            case .linear(_, let weight, let bias):
                for name in [weight, try #require(bias)] {
                    tensors[name] = TestTensor(
                        shape: model.shape(of: name)!, values: try model.withFloats(of: name) { Array($0) })
                }
            case .batchNorm(let norm):
                for name in [norm.weight, norm.bias, norm.mean, norm.variance] {
                    tensors[name] = TestTensor(
                        shape: model.shape(of: name)!, values: try model.withFloats(of: name) { Array($0) })
                }
            default: continue
            }
        }
        let weights = try TemporaryFolder().safetensors(tensors)
        var random = SeededGenerator(state: 8)
        let input = random.floats(2 * 3 * 224 * 224, in: -2...2.5)
        for set in KernelSet.supported where set != .portable || Drill.isLong {
            let options = try ExecutionOptions(threads: 2, kernels: set)
            let mine = try Network(graph: model.graph, weights: model.weights(), options: options)
            let reference = try Network(graph: builtIn, weights: weights, options: options)
            #expect(try mine.run(input, batch: 2).bits == reference.run(input, batch: 2).bits)
        }
    }

    /// The name of the module in PyTorch that the node of a convolution was traced from: of /0/0.0/0.0.4/branch0/branch0.1,
    /// 0.0.4.branch0.1.
    private static func path(of node: String) -> String {
        var modules: [String] = []
        for part in node.split(separator: "/").dropLast(2).map(String.init) {
            if let last = modules.last, part.hasPrefix(last + ".") { modules.removeLast() }
            modules.append(part)
        }
        return modules.joined(separator: ".")
    }
}
