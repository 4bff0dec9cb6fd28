import Foundation
import TestSupport
import Testing

@testable import Inference

@Suite("packages of ONNX files")
struct ONNXPackageTests {
    private let folder: TemporaryFolder
    private let options: ExecutionOptions

    init() throws {
        folder = try TemporaryFolder()
        options = try ExecutionOptions(threads: 1)
    }

    /// The card of the model without weights that ships, of which `changes` are made.
    private func card(_ changes: [String: Any?]) throws -> Data {
        let url = Repository.root.appendingPathComponent("models/cxr-risk-1/model.json")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: try Data(contentsOf: url)) as? [String: Any])
        for (key, value) in changes { fields[key] = value }
        return try JSONSerialization.data(withJSONObject: fields)
    }

    /// Two classes, by a depthwise convolution, a clipped function, a pool and a softmax.
    private func model() throws -> URL {
        var builder = ONNXBuilder(input: [-1, 3, 20, 20])
        var random = SeededGenerator(state: 12)
        builder.constant("w", [6, 1, 3, 3], random.floats(54))
        builder.constant("m", [6, 2], random.floats(12))
        builder.node("Conv", ["x", "w"], ["c"], ["group": .int(3), "strides": .ints([2, 2])])
        builder.node("HardSwish", ["c"], ["h"])
        builder.node("LeakyRelu", ["h"], ["l"], ["alpha": .float(0.1)])
        builder.node("GlobalAveragePool", ["l"], ["g"])
        builder.node("Flatten", ["g"], ["f"])
        builder.node("MatMul", ["f", "m"], ["logits"])
        builder.node("Softmax", ["logits"])
        return try folder.write(builder.bytes(), to: "model.onnx")
    }

    @Test("a package of an ONNX file holds its graph and weights, verifies, and gives logits")
    func package() throws {
        let file = try model()
        let target = folder.url.appendingPathComponent("package")
        try ModelPackager.package(
            file, description: card(["network": nil, "input": nil]), changes: ["name": "made"], into: target,
            options: options)
        let package = try ModelPackage.open(target)
        #expect(package.description.input == FeatureShape(channels: 3, height: 20, width: 20))
        let network = try package.makeNetwork(options: options)
        try package.verifyGolden(network)
        var random = SeededGenerator(state: 13)
        let input = random.floats(1200)
        var direct = try ONNXModel(url: file)
        let probabilities = try Network(graph: direct.graph, weights: direct.weights(), options: options)
            .run(input, batch: 1).values
        direct.dropFinalSoftmax()
        let logits = try network.run(input, batch: 1)
        // What went through JSON is the same graph.
        #expect(try package.description.graph() == direct.graph)
        #expect(zip(Softmax.probabilities(logits.values), probabilities).allSatisfy { Float($0) == $1 })
    }

    @Test("a card that names a network, or another input, is refused")
    func contradictions() throws {
        let file = try model()
        for changes: [String: Any?] in [
            ["input": nil], ["network": nil], ["network": nil, "input": ["channels": 1, "height": 20, "width": 20]],
            ["network": nil, "input": "large"],
        ] {
            let target = folder.url.appendingPathComponent("refused")
            #expect(throws: InferenceError.self) {
                try ModelPackager.package(
                    file, description: card(changes), changes: [:], into: target, options: options)
            }
            #expect(!FileManager.default.fileExists(atPath: target.path))
        }
    }

    @Test("kinds of files are told apart by how they begin")
    func kinds() throws {
        func kind(_ bytes: [UInt8], _ name: String) throws -> WeightFile {
            try WeightFile(folder.write(Data(bytes), to: name))
        }
        #expect(try kind([0x08, 0x07, 0x12, 0x07], "a") == .onnx)
        #expect(try kind([0x80, 0x02], "b.onnx") == .onnx)
        #expect(try kind(Array("PK\u{3}\u{4}".utf8), "c") == .torch)
        #expect(try kind([0x08, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "d") == .safetensors)
        #expect(throws: InferenceError.self) { try WeightFile(folder.url.appendingPathComponent("absent")) }
    }
}
