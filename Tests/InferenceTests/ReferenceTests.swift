import Crypto
import Foundation
import Inference
import TestSupport
import Testing

/// Agreement with the PyTorch reference.
@Suite struct ReferenceTests {
    /// Made by PyTorch from the tiny network of ../shared: values at some depths, in float64.
    private struct Fixture: Decodable {
        struct Stage: Decodable {
            var node: String
            /// The largest difference between PyTorch's own float32 and float64 results.
            var pyTorchFloat32Error: Double
            var indices: [Int]
            var values: [Double]
        }

        var network: ModelDescription.NetworkReference
        var input: GoldenVector
        var stages: [Stage]
        var noiseSeed7At3x20x30SHA256: String
    }

    private func fixture() throws -> Fixture {
        let url = Repository.root.appendingPathComponent("Tests/InferenceTests/Fixtures/tiny.json")
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    }

    // The tiny network's weights are random, and such a network doubles a rounding error every few layers: PyTorch's
    // float32 logits are themselves 1e-3 and more away from its float64 ones. So each depth is held to a few times
    // PyTorch's own error there: enough to tell a wrong layer from rounding at the first, still far from 1 at the last.
    @Test("the tiny network is as near to float64 as PyTorch's float32, at every depth", .needsSharedData)
    func tiny() throws {
        let fixture = try fixture()
        guard case .cxrRisk(let width, let hidden, let classes) = fixture.network else {
            Issue.record("the fixture names no architecture")
            return
        }
        let whole = InceptionV4.cxrRisk(width: width, hidden: hidden, classes: classes)
        let file = try SafetensorsFile(url: SharedData.url("reference/fixtures/tiny/weights.safetensors"))
        let input = fixture.input.input(whole.input)
        let folder = try TemporaryFolder()
        for stage in fixture.stages {
            let end = try #require(whole.nodes.firstIndex { $0.name == stage.node })
            let graph = NetworkGraph(input: whole.input, nodes: Array(whole.nodes[...end]), output: stage.node)
            let blocks = Set(
                graph.nodes.map { $0.name.split(separator: ".").prefix(3).prefix { $0.allSatisfy(\.isNumber) } })
            var tensors: [String: TestTensor] = [:]
            for (name, tensor) in file.tensors where tensor.dtype == "F32" {
                let block = name.split(separator: ".").prefix(3).prefix { $0.allSatisfy(\.isNumber) }
                guard blocks.contains(block) else { continue }
                tensors[name] = TestTensor(shape: tensor.shape, values: try file.withFloats(of: name) { Array($0) })
            }
            let network = try Network(
                graph: graph, weights: folder.safetensors(tensors), options: .init(threads: 2))
            let result = try network.run(input, batch: 1).values
            let error = zip(stage.indices, stage.values).map { abs(Double(result[$0]) - $1) }.max()!
            #expect(error < 8 * stage.pyTorchFloat32Error, "\(stage.node)")
        }
    }

    @Test("the shipped model reproduces its golden vectors with every kernel set", arguments: KernelSet.supported)
    func shipped(set: KernelSet) throws {
        let package = try ModelPackage.open(shippedModel)
        #expect(package.description.golden.count == 3)
        try package.verifyGolden(package.makeNetwork(options: .init(threads: 2, kernels: set)))
    }

    @Test("value noise has the bits that Python computes")
    func valueNoise() throws {
        let fixture = try fixture()
        let json = try JSONEncoder().encode(fixture.input)
        var fields = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
        fields["seed"] = 7
        let vector = try JSONDecoder().decode(
            GoldenVector.self, from: JSONSerialization.data(withJSONObject: fields))
        let values = vector.input(FeatureShape(channels: 3, height: 20, width: 30))
        let digest = values.withUnsafeBytes { SHA256.hash(data: $0) }
        #expect(digest.map { String(format: "%02x", $0) }.joined() == fixture.noiseSeed7At3x20x30SHA256)
    }

    @Test("the built-in architecture has the published network's parameters")
    func parameterCount() throws {
        let graph = InceptionV4.cxrRisk(width: 1, hidden: 512, classes: 2)
        #expect(try graph.shapes()["0.0.21"] == .map(FeatureShape(channels: 1536, height: 5, width: 5)))
        let convolutions = graph.nodes.filter { if case .convolution = $0.operation { true } else { false } }
        #expect(convolutions.count == 149)
    }
}
