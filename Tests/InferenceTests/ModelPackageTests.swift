import Foundation
import Inference
import TestSupport
import Testing

@Suite struct ModelPackageTests {
    /// A copy of the shipped package that a test may spoil.
    private struct Copy {
        let folder: TemporaryFolder
        var package: URL { folder.url.appendingPathComponent("package") }
        var weights: URL { package.appendingPathComponent(ModelPackage.weightsFile) }
        var json: URL { package.appendingPathComponent(ModelPackage.descriptionFile) }

        init() throws {
            folder = try TemporaryFolder()
            try FileManager.default.copyItem(at: shippedModel, to: package)
        }

        func edit(_ change: (inout [String: Any]) -> Void) throws {
            var object = try JSONSerialization.jsonObject(with: Data(contentsOf: json)) as! [String: Any]
            change(&object)
            try JSONSerialization.data(withJSONObject: object).write(to: json)
        }
    }

    @Test("the digest is what coreutils compute")
    func digest() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "sha256sum model.json weights.safetensors | sha256sum"]
        process.currentDirectoryURL = shippedModel
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(try ModelPackage.open(shippedModel).digest == String(output.prefix(64)))
    }

    @Test("weights altered by one bit are refused, with both digests named", arguments: [9, 80_000, 10_877_103])
    func flippedBit(position: Int) throws {
        let copy = try Copy()
        var bytes = try Data(contentsOf: copy.weights)
        bytes[position] ^= 1
        try bytes.write(to: copy.weights)
        let error = try #require(throws: InferenceError.self) { try ModelPackage.open(copy.package) }
        let expected = try ModelPackage.describe(copy.package).weightsSHA256!
        // The header is read before the digest is taken: a bit of it may break the format first.
        #expect(error.code == .alteredWeights || (position == 9 && error.code == .malformedWeights))
        if error.code == .alteredWeights { #expect(error.message.contains(expected)) }
    }

    @Test("golden vectors that don't come out are refused")
    func golden() throws {
        let copy = try Copy()
        try copy.edit { object in
            var golden = object["golden"] as! [[String: Any]]
            golden[1]["logits"] = [0.2845, -0.3254]
            object["golden"] = golden
        }
        let package = try ModelPackage.open(copy.package)
        let network = try package.makeNetwork(options: .init(threads: 1))
        let error = try #require(throws: InferenceError.self) { try package.verifyGolden(network) }
        #expect(error.code == .goldenMismatch)
        #expect(error.message.contains("golden vector 2"))
    }

    @Test("a package without weights is described, and opening it says where the weights come from")
    func missingWeights() throws {
        let folder = Repository.root.appendingPathComponent("models/cxr-risk-1")
        let description = try ModelPackage.describe(folder)
        #expect(description.endpoint.outcome == "death from any cause")
        #expect(description.endpoint.horizon == "12 years")
        #expect(description.categories.categories.map(\.name) == ["very low", "low", "moderate", "high", "very high"])
        let error = try #require(throws: InferenceError.self) { try ModelPackage.open(folder) }
        #expect(error.code == .missingWeights)
        #expect(error.message.contains("https://github.com/michaeltlu/cxr-risk"))
    }

    @Test("an unknown architecture is named")
    func unknownArchitecture() throws {
        let copy = try Copy()
        try copy.edit { $0["network"] = ["architecture": "vgg-99"] }
        let error = try #require(throws: InferenceError.self) { try ModelPackage.open(copy.package) }
        #expect(error.code == .unknownArchitecture)
        #expect(error.message.contains("vgg-99"))
    }

    @Test("a description that contradicts itself is refused")
    func invalidDescriptions() throws {
        let copy = try Copy()
        let original = try Data(contentsOf: copy.json)
        let changes: [(String, (inout [String: Any]) -> Void)] = [
            ("longview-model/2", { $0["format"] = "longview-model/2" }), ("name", { $0["name"] = "../../etc" }),
            ("card", { $0["card"] = nil }), ("weightsSHA256", { $0["weightsSHA256"] = "ABC" }),
            ("weightsSHA256", { $0["weightsSHA256"] = nil }), ("golden", { $0["golden"] = [Any]() }),
            ("class 2", { $0["output"] = ["kind": "softmax", "riskClass": 2] }),
            ("output.kind", { $0["output"] = ["kind": "sigmoid", "riskClass": 1] }),
            ("width", { $0["network"] = ["architecture": "cxr-risk", "width": 1e9, "hidden": 1, "classes": 2] }),
            ("upper bound", { $0["categories"] = [["name": "a", "upperBound": 0.5]] }),
        ]
        for (named, change) in changes {
            try original.write(to: copy.json)
            try copy.edit(change)
            let error = #expect(throws: InferenceError.self) { try ModelPackage.open(copy.package) }
            #expect(error?.code == .invalidDescription, "\(named)")
            #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
        }
        try Data("{".utf8).write(to: copy.json)
        #expect(throws: InferenceError.self) { try ModelPackage.open(copy.package) }
        try FileManager.default.removeItem(at: copy.json)
        #expect(throws: InferenceError.self) { try ModelPackage.describe(copy.package) }
    }

    @Test("fields of others stay in the bytes")
    func profile() throws {
        let package = try ModelPackage.open(shippedModel)
        struct Other: Decodable {
            struct Profile: Decodable { var name: String }
            var profile: Profile
        }
        #expect(try JSONDecoder().decode(Other.self, from: package.descriptionBytes).profile.name == "cxr-risk")
    }
}
