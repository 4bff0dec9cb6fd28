import Foundation
import TestSupport
import Testing

@Suite("model import of weights from elsewhere", .needsSharedData)
struct ModelImportTests {
    private static let fixtures = SharedData.url("reference/fixtures/tiny")

    /// The description of the fixtures' network: the published one's, smaller, or for an ONNX file none.
    private func card(_ longview: Installation, naming network: Bool = true) throws -> String {
        let published = Repository.root.appendingPathComponent("models/cxr-risk-1/model.json")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: published)) as? [String: Any])
        fields["network"] =
            network ? ["architecture": "cxr-risk", "width": 0.125, "hidden": 64, "classes": 2] as [String: Any] : nil
        return try longview.write("card.json", try JSONSerialization.data(withJSONObject: fields))
    }

    @Test("checkpoints in every form give one and the same package, which scores")
    func forms() async throws {
        let longview = try await Installation()
        let card = try card(longview)
        for (number, name) in ["fastai-legacy.pth", "state-zip.pth", "weights.safetensors"].enumerated() {
            let run = try await longview.run(
                "model", "import", Self.fixtures.appendingPathComponent(name).path, "--card", card)
            #expect(run.status == 0, "\(name): \(run.errors)")
            #expect(run.output.contains(number == 0 ? "registered\n" : "registered before"), "\(name)")
        }
        let other = try await longview.run(
            "model", "import", Self.fixtures.appendingPathComponent("state-zip.pth").path, "--card", card, "--version",
            "2")
        #expect(other.output.contains("cxr-risk@2"))
        #expect(try await longview.run("model", "verify").status == 0)
        _ = try longview.write("in/1", try SmallRadiograph.file(1))
        let score = try await longview.run("score", "--json", "--model", "cxr-risk@1", longview.path("in"))
        #expect(score.status == 0, "\(score.errors)")
    }

    @Test("an ONNX file brings its network, verifies and scores; a card that names another is refused")
    func onnx() async throws {
        let longview = try await Installation()
        let file = Self.fixtures.appendingPathComponent("model.onnx").path
        let refused = try await longview.run("model", "import", file, "--card", try card(longview))
        #expect(refused.status == 1)
        #expect(refused.errors.contains("brings its own"), "\(refused.errors)")
        let run = try await longview.run("model", "import", file, "--card", try card(longview, naming: false))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("registered\n"))
        #expect(try await longview.run("model", "verify").status == 0)
        _ = try longview.write("in/1", try SmallRadiograph.file(1))
        let score = try await longview.run("score", "--json", longview.path("in"))
        #expect(score.status == 0, "\(score.errors)")
    }

    @Test("weights that don't fit, hostile files and missing cards are refused with a reason; nothing is registered")
    func refused() async throws {
        let longview = try await Installation()
        let tiny = Self.fixtures.appendingPathComponent("state-zip.pth").path
        let published = Repository.root.appendingPathComponent("models/cxr-risk-1").path
        func fails(_ reason: String, _ arguments: String...) async throws {
            let run = try await longview.run(["model", "import"] + arguments)
            #expect(run.status == 1)
            #expect(run.errors.contains(reason), "\(run.errors)")
        }
        try await fails("--card", tiny)
        try await fails("should be [32, 3, 3, 3]", tiny, "--card", published)
        try await fails("no model description", tiny, "--card", "/nowhere")
        try await fails("no such file", "/nowhere.pth", "--card", published)
        let card = try card(longview)
        let hostile = try longview.write(
            "hostile.pth", [0x80, 2] + Array("cos\nsystem\nU\u{04}true".utf8) + [0x85, 0x52, 0x2E])
        try await fails("os.system", hostile, "--card", card)
        try await fails(
            "neither of PyTorch's formats", try longview.write("text.pth", "hello world".utf8), "--card", card)
        try await fails("a package has its own", published, "--card", card)
        try await fails("names a network already", tiny, "--card", card, "--architecture", "xception")
        try await fails(
            "“conv1.weight” is missing", tiny, "--card", try self.card(longview, naming: false), "--architecture",
            "xception")
        #expect(try await longview.run("model", "list", "--json").objects.isEmpty)
    }
}

@Suite("model activate, retire, export")
struct ModelStateTests {
    @Test("the active version scores; a retired one does not, and its way back is shown")
    func states() async throws {
        let longview = try await Installation.ready()
        func list() async throws -> [String] {
            try await longview.run("model", "list", "--json").objects.compactMap { $0["state"] as? String }
        }
        #expect(try await list() == ["inactive"])
        let activated = try await longview.run("model", "activate", "nih-pneumonia", "--reason", "first")
        #expect(activated.status == 0 && activated.output.contains("nih-pneumonia@1  active"), "\(activated.errors)")
        #expect(try await longview.run("model", "activate", "nih-pneumonia@1").output.contains("active before"))
        #expect(try await list() == ["active"])
        _ = try longview.write("in/1", try SmallRadiograph.file(1))
        #expect(try await longview.run("score", longview.path("in")).status == 0)
        #expect(try await longview.run("model", "retire", "nih-pneumonia@1").status == 0)
        for arguments in [[], ["--model", "nih-pneumonia@1"]] {
            let refused = try await longview.run(["score", longview.path("in")] + arguments)
            #expect(refused.status == 1 && refused.errors.contains("longview model activate"), "\(refused.errors)")
        }
        #expect(try await longview.run("model", "activate", "nih-pneumonia@1").status == 0)
        #expect(try await longview.run("score", longview.path("in")).status == 0)
    }

    @Test("an exported package is the package that was imported")
    func export() async throws {
        let longview = try await Installation.ready()
        let run = try await longview.run("model", "export", "nih-pneumonia", "--output", longview.path("out"))
        #expect(run.status == 0, "\(run.errors)")
        let again = try await longview.run("model", "import", longview.path("out"))
        #expect(again.output.contains("registered before"), "\(again.errors)")
        #expect(
            try await longview.run("model", "export", "nih-pneumonia", "--output", longview.path("out")).status == 1)
    }
}
