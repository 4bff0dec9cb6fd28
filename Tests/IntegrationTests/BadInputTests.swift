import Foundation
import TestSupport
import Testing

@Suite("Bad input")
struct BadInputTests {
    @Test("each bad file gets its reason, and the good one among them its score")
    func files() async throws {
        let longview = try await Installation.ready()
        _ = try await longview.run("demo-data", "--count", "1", "--output", longview.path("in"))
        let good = try #require(FileManager.default.contentsOfDirectory(atPath: longview.path("in")).first)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: longview.path("in/\(good)"))))
        _ = try longview.write("in/empty.dcm", [])
        _ = try longview.write("in/text.txt", "this is not a radiograph\n".utf8)
        _ = try longview.write("in/truncated.dcm", bytes.prefix(bytes.count / 2))
        _ = try longview.write("in/header-only.dcm", bytes.prefix(900))
        _ = try longview.write("in/broken.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        let run = try await longview.run("score", "--json", longview.path("in"))
        #expect(run.status == 2)
        let objects = try run.objects
        func result(_ name: String) -> String? {
            let object = objects.first { ($0["file"] as? String)?.hasSuffix(name) == true }
            return (object?["refusal"] as? [String: String])?["code"] ?? object?["status"] as? String
        }
        #expect(result(good) == "scored")
        #expect(result("empty.dcm") == "empty_file")
        #expect(result("text.txt") == "not_dicom")
        #expect(result("truncated.dcm") == "truncated")
        #expect(result("header-only.dcm") == "truncated")
        #expect(result("broken.png") == "truncated")
        #expect(!run.errors.contains("Fatal"))
        // Refusals are kept, and once.
        _ = try await longview.run("score", "--json", longview.path("in"))
        let url = try #require(longview.environment["DATABASE_URL"])
        #expect(try shell("psql -AtX -c 'SELECT count(*) FROM longview.refusals' '\(url)'") == "5")
    }

    @Test("paths that don't exist are named; with nothing else to do the status is 1, otherwise 2")
    func missingPaths() async throws {
        let longview = try await Installation.ready()
        let alone = try await longview.run("score", "/nowhere/a.dcm")
        #expect(alone.status == 1)
        #expect(alone.errors.contains("/nowhere/a.dcm"))
        _ = try await longview.run("demo-data", "--count", "1", "--output", longview.path("in"))
        let some = try await longview.run("score", "/nowhere/a.dcm", longview.path("in"))
        #expect(some.status == 2)
        #expect(some.output.contains("scored"))
    }

    @Test("usage errors have status 64")
    func usage() async throws {
        let longview = try await Installation()
        #expect(try await longview.run("score").status == 64)
        #expect(try await longview.run("score", "x", "--threads", "0").status == 64)
        #expect(try await longview.run("nonsense").status == 64)
        #expect(try await longview.run("show", "not-an-id").status == 64)
        #expect(try await longview.run("--version").status == 0)
    }

    @Test("a model whose weights differ by one bit is refused with status 3, at import and after")
    func alteredModel() async throws {
        let longview = try await Installation()
        let copy = longview.folder.appendingPathComponent("copy")
        try FileManager.default.copyItem(at: Installation.shippedModel, to: copy)
        func flip(_ file: URL) throws {
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count - 1000] ^= 1
            try bytes.write(to: file)
        }
        try flip(copy.appendingPathComponent("weights.safetensors"))
        let altered = try await longview.run("model", "import", copy.path)
        #expect(altered.status == 3, "\(altered.errors)")
        #expect(try await longview.run("model", "list", "--json").objects.isEmpty)

        #expect(try await longview.run("model", "import", Installation.shippedModel.path).status == 0)
        #expect(try await longview.run("model", "verify").status == 0)
        let digest = try #require(try await longview.run("model", "list", "--json").objects[0]["digest"] as? String)
        try flip(longview.folder.appendingPathComponent("home/models/\(digest)/weights.safetensors"))
        #expect(try await longview.run("model", "verify").status == 3)
        _ = try await longview.run("demo-data", "--count", "1", "--output", longview.path("in"))
        #expect(try await longview.run("score", longview.path("in")).status == 3)
    }

    @Test("a model without weights is described and not used")
    func missingWeights() async throws {
        let longview = try await Installation()
        let model = Repository.root.appendingPathComponent("models/cxr-risk-1").path
        let run = try await longview.run("model", "import", model)
        #expect(run.status == 1)
        #expect(run.errors.contains("weights"))
        let card = try await longview.run("model", "show", model)
        #expect(card.status == 0)
        #expect(card.output.contains("mortality"))
    }

    @Test("a database that goes away in mid-run loses nothing: run again, and the rest is done")
    func databaseLost() async throws {
        let longview = try await Installation.ready(privateCluster: true)
        // A line of output a file: far more than a pipe holds, so the run can't end before the database does.
        let count = 200
        for number in 0..<count {
            _ = try longview.write("in/" + String(1000 + number), try SmallRadiograph.file(number))
        }
        let run = try await longview.run(["score", "--json", longview.path("in")]) { longview.stopDatabase() }
        #expect(run.status == 1)
        #expect(run.errors.contains("Run the same command again"), "\(run.errors)")
        let before = try run.objects
        #expect((1..<count).contains(before.count))

        let again = try await longview.run("score", "--json", longview.path("in"))
        #expect(again.status == 0, "\(again.errors)")
        let after = try again.objects
        #expect(after.count == count)
        // What was reported is recorded, with the same id.
        for (old, new) in zip(before, after) {
            #expect(new["status"] as? String == "duplicate")
            #expect(old["inference_id"] as? String == new["inference_id"] as? String)
        }
        #expect(try await longview.run("scores", "--json", "--limit", "1000").objects.count == count)
        #expect(try await longview.run("db", "stop").status == 0)
    }
}

extension Installation {
    /// Stops the private database and waits until it has ended.
    fileprivate func stopDatabase() {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = ["db", "stop"]
        process.environment = environment
        process.standardOutput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return }
        process.waitUntilExit()
    }
}
