import Crypto
import Foundation
import TestSupport
import Testing

@testable import Inference

/// The named architectures beside timm's and Cadene's networks in PyTorch; `Fixtures/make_architectures.py` asked them.
@Suite struct ArchitectureTests {
    /// Values at some depths of a network whose channels are a sixteenth of the published one's, in float64.
    private struct Fixture: Decodable {
        struct Stage: Decodable {
            var node: String
            /// The largest difference between PyTorch's own float32 and float64 results.
            var pyTorchFloat32Error: Double
            var standardDeviation: Double
            var indices: [Int]
            var values: [Double]
        }

        var network: ModelDescription.NetworkReference
        var size: Int
        var tensorsOf1000ClassesSHA256: String
        var stages: [Stage]
    }

    private static let fixtures = Repository.root.appendingPathComponent("Tests/InferenceTests/Fixtures")
    private static let names: [Architecture] = [.inceptionV4, .xception]

    private func fixture(_ architecture: Architecture) throws -> Fixture {
        let url = Self.fixtures.appendingPathComponent("\(architecture.rawValue).json")
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    }

    private func graph(_ network: ModelDescription.NetworkReference) throws -> NetworkGraph {
        switch network {
        case .inceptionV4(let width, let classes): try InceptionV4.classifier(width: width, classes: classes)
        case .xception(let width, let classes): try Xception.classifier(width: width, classes: classes)
        default: throw InferenceError(.unknownArchitecture, "the fixture is of another architecture")
        }
    }

    /// Numbers in 0 ..< 1 that depend on the name alone.
    private static func uniform(_ name: String, _ count: Int) -> [Double] {
        let digest = Array(SHA256.hash(data: Data(name.utf8)).prefix(8))
        var random = SplitMix64(state: digest.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        return (0..<count).map { _ in random.nextUnit() }
    }

    /// Weights as the script makes them.
    static func weights(_ graph: NetworkGraph) throws -> [String: TestTensor] {
        var tensors: [String: TestTensor] = [:]
        for parameter in graph.parameters(shapes: try graph.shapes()) {
            let (name, shape) = (parameter.name, parameter.shape)
            let fanIn = shape.dropFirst().reduce(1, *)
            let depthwise = shape.count == 4 && shape[1] == 1
            let bound = ((depthwise ? 3 : 6) / Double(fanIn)).squareRoot()
            let spread = name.hasSuffix("running_var") || (name.hasSuffix("weight") && shape.count == 1)
            let values = uniform(name, shape.reduce(1, *)).map { unit in
                shape.count > 1 ? (2 * unit - 1) * bound : spread ? 0.75 + 0.5 * unit : 0.2 * unit - 0.1
            }
            tensors[name] = TestTensor(shape: shape, values: values.map(Float.init))
        }
        return tensors
    }

    private func picture(_ size: Int) -> [Float] {
        Self.uniform("input", 3 * size * size).map { Float(2 * $0 - 1) }
    }

    // Random weights amplify rounding from layer to layer, in any engine; a wrong layer shows as an error of the size of
    // the values themselves.
    @Test(
        "a network is as near to float64 as PyTorch's float32, at every depth, of equal bits for every kernel set",
        arguments: names)
    func parity(_ architecture: Architecture) throws {
        let fixture = try fixture(architecture)
        let whole = try graph(fixture.network)
        let tensors = try Self.weights(whole)
        let input = picture(fixture.size)
        let folder = try TemporaryFolder()
        for stage in fixture.stages {
            let end = try #require(whole.nodes.firstIndex { $0.name == stage.node })
            let graph = NetworkGraph(input: whole.input, nodes: Array(whole.nodes[...end]), output: stage.node)
            let needed = Set(graph.parameters(shapes: try graph.shapes()).map(\.name))
            let file = try folder.safetensors(tensors.filter { needed.contains($0.key) })
            let network = try Network(graph: graph, weights: file, options: .init(threads: 2))
            let result = try network.run(input, batch: 1).values
            let error = zip(stage.indices, stage.values).map { abs(Double(result[$0]) - $1) }.max()!
            #expect(error < 8 * stage.pyTorchFloat32Error, "\(stage.node)")
            #expect(8 * stage.pyTorchFloat32Error < 0.01 * stage.standardDeviation, "\(stage.node)")
        }
        let file = try folder.safetensors(tensors)
        var first: [UInt32]?
        for set in KernelSet.supported {
            let network = try Network(graph: whole, weights: file, options: .init(threads: 2, kernels: set))
            let bits = try network.run(input, batch: 1).bits
            #expect(bits == first ?? bits, "\(set)")
            first = bits
        }
    }

    @Test("at full width a network has the tensors of timm and Cadene, and no others", arguments: names)
    func tensors(_ architecture: Architecture) throws {
        let graph: NetworkGraph =
            architecture == .xception
            ? try Xception.classifier(classes: 1000) : try InceptionV4.classifier(classes: 1000)
        let lines = graph.parameters(shapes: try graph.shapes()).map { "\($0.name) \($0.shape)\n" }
        let digest = SHA256.hash(data: Data(lines.sorted().joined().utf8))
        #expect(hexadecimal(digest) == (try fixture(architecture)).tensorsOf1000ClassesSHA256)
    }

    @Test("weights are packaged under either name of the linear layer and with DataParallel's prefix", arguments: names)
    func packaged(_ architecture: Architecture) throws {
        let fixture = try fixture(architecture)
        let tensors = try Self.weights(try graph(fixture.network))
        let folder = try TemporaryFolder()
        var digests: Set<String> = []
        let spellings: [Rename] = [{ $0 }, { "module." + $0 }, Self.fc]
        for (number, spell) in spellings.enumerated() {
            let file = try folder.write(
                folder.safetensors(renamed(tensors, spell)).withUnsafeBytes { Data($0) }, to: "\(number).safetensors")
            let package = folder.url.appendingPathComponent("\(number)")
            try ModelPackager.package(
                file, description: try description(fixture), changes: [:], into: package,
                options: .init(threads: 2))
            let opened = try ModelPackage.open(package)
            #expect(opened.description.network == fixture.network)
            digests.insert(opened.digest)
        }
        #expect(digests.count == 1)
    }

    private typealias Rename = (String) -> String
    private static func fc(_ name: String) -> String { name.replacingOccurrences(of: "last_linear.", with: "fc.") }

    private func renamed(_ tensors: [String: TestTensor], _ rename: Rename) -> [String: TestTensor] {
        Dictionary(uniqueKeysWithValues: tensors.map { (rename($0.key), $0.value) })
    }

    private func description(_ fixture: Fixture) throws -> Data {
        let published = Repository.root.appendingPathComponent("models/cxr-risk-1/model.json")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: published)) as? [String: Any])
        fields["network"] = try JSONSerialization.jsonObject(with: JSONEncoder().encode(fixture.network))
        fields["input"] = ["channels": 3, "height": fixture.size, "width": fixture.size]
        return try JSONSerialization.data(withJSONObject: fields)
    }

    private struct Logits: Decodable {
        var float32: [Double]
        var float64: [Double]
    }

    private static let timm =
        Drill.isLong ? PythonPackages.interpreter(importing: "numpy", "torch", "timm") : nil

    @Test(
        "a checkpoint of the published size is packaged, and gives PyTorch's logits",
        .enabled(if: Drill.isLong, "a slow drill: scripts/test --long"),
        .enabled(
            if: !Drill.isLong || timm != nil, "needs Python with numpy, torch and timm (LONGVIEW_PYTHON names it)"),
        arguments: names)
    func checkpoint(_ architecture: Architecture) throws {
        let folder = try TemporaryFolder()
        let script = Self.fixtures.appendingPathComponent("make_architectures.py").path
        try #require(Self.timm?.run([script, "full", architecture.rawValue, folder.url.path]).status == 0)
        let package = folder.url.appendingPathComponent("package")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: description(fixture(architecture))) as? [String: Any])
        fields["network"] = nil
        try ModelPackager.package(
            folder.url.appendingPathComponent("weights.pth"),
            description: try JSONSerialization.data(withJSONObject: fields), architecture: (architecture, classes: 3),
            changes: [:], into: package, options: .init(threads: 2))
        let input = try NPYFile.read(
            Data(contentsOf: folder.url.appendingPathComponent("input.npy")), name: "input.npy")
        let logits = try ModelPackage.runOnce(package, on: input, options: .init(threads: 2)).values
        let expected = try JSONDecoder().decode(
            Logits.self, from: Data(contentsOf: folder.url.appendingPathComponent("expected.json")))
        func error(_ logits: [Double]) -> Double { zip(logits, expected.float64).map { abs($0 - $1) }.max()! }
        let (mine, pyTorch) = (error(logits.map(Double.init)), error(expected.float32))
        print("\(architecture.rawValue): largest error of a logit \(mine), PyTorch's own \(pyTorch)")
        #expect(mine < 20 * pyTorch)
    }

    @Test("weights that lack a tensor, have another, or one of another shape are refused by its name", arguments: names)
    func misfits(_ architecture: Architecture) throws {
        let fixture = try fixture(architecture)
        var tensors = try Self.weights(try graph(fixture.network))
        let names = tensors.keys.sorted()
        let (missing, misshapen) = (names[3], try #require(names.first { tensors[$0]!.shape.count == 4 }))
        tensors[missing] = nil
        tensors["AuxLogits.fc.weight"] = TestTensor(shape: [1], values: [0])
        tensors[misshapen]!.shape.swapAt(0, 1)
        let folder = try TemporaryFolder()
        let file = try folder.write(
            folder.safetensors(tensors).withUnsafeBytes { Data($0) }, to: "misfit.safetensors")
        let package = folder.url.appendingPathComponent("package")
        let error = #expect(throws: InferenceError.self) {
            try ModelPackager.package(
                file, description: try description(fixture), changes: [:], into: package, options: .init(threads: 1))
        }
        #expect(error?.code == .mismatchedWeights)
        let message = error?.message ?? ""
        #expect(message.contains("“\(missing)” is missing"), "\(message)")
        #expect(message.contains("“AuxLogits.fc.weight” belongs to no node"), "\(message)")
        #expect(message.contains("“\(misshapen)” is"), "\(message)")
        #expect(!FileManager.default.fileExists(atPath: package.path))
    }

    @Test("an architecture that nobody knows is refused with those that are known; a picture too small, by the layer")
    func unknown() throws {
        let json = Data(#"{"architecture": "resnet-50", "classes": 2}"#.utf8)
        let error = #expect(throws: InferenceError.self) {
            try JSONDecoder().decode(ModelDescription.NetworkReference.self, from: json)
        }
        #expect(error?.message.contains("cxr-risk, inception-v4, xception") == true)
        let small = #expect(throws: InferenceError.self) {
            try InceptionV4.classifier(classes: 2, input: FeatureShape(channels: 3, height: 299, width: 74))
        }
        #expect(small?.code == .invalidGraph)
    }
}
