import Foundation
import TestSupport
import Testing

@Suite("bench queue")
struct QueueBenchTests {
    @Test("its figures fit together, and nothing stays of its installation")
    func figures() async throws {
        let longview = try await Installation(privateCluster: true)
        let temporary = try temporaryFolder(of: longview)
        let file = try longview.write("small.dcm", SmallRadiograph.file(1))
        let run = try await bench(
            longview, temporary, ["--count", "6", "--lone", "2", "--associations", "2", "--risks", file])
        #expect(run.status == 0, "\(run.errors)")
        let figures = try #require(try run.objects.first)
        #expect(figures["model"] as? String == "nih-pneumonia@1")
        #expect(figures["radiographs"] as? Int == 6 && figures["associations"] as? Int == 2)
        #expect(figures["views"] as? Int == 9 && figures["threads"] as? Int == 2)
        let seconds = try #require(figures["seconds"] as? Double)
        let network = try #require(figures["network_seconds"] as? Double)
        #expect(seconds > 0 && network > 0)
        #expect(abs(try #require(figures["radiographs_per_minute"] as? Double) - 360 / seconds) < 1e-6)
        #expect(abs(try #require(figures["overhead"] as? Double) - (seconds / network - 1)) < 1e-9)
        // Twice the time of the network is its two threads'; what else there is comes on top.
        #expect(try #require(figures["server_cpu_ms"] as? Double) > 0)
        for name in ["latency_ms", "lone_ms"] {
            let spread = try #require(figures[name] as? [String: Double])
            #expect(try #require(spread["median"]) > 0 && spread["median"]! <= spread["p95"]!)
        }
        let risks = try #require(figures["risks"] as? [String: Double])
        #expect(risks.count == 6 && Set(risks.values).count == 1, "copies of one picture have one score")
        try expectNothing(in: temporary)
    }

    @Test("with -, each folder is answered before the next is read; one sent before is named")
    func folders() async throws {
        let longview = try await Installation(privateCluster: true)
        let temporary = try temporaryFolder(of: longview)
        for number in 1...4 {
            _ = try longview.write("round-\(number / 3)/\(number).dcm", SmallRadiograph.file(number))
        }
        let lines = [0, 1, 0].map { longview.path("round-\($0)") + "\n" }.joined()
        let run = try await bench(longview, temporary, ["--lone", "0", "-"], input: lines)
        #expect(run.status == 1)
        #expect(try run.objects.compactMap { $0["radiographs"] as? Int } == [2, 2])
        #expect(run.errors.contains("round-0/") && run.errors.contains("sent before"), "\(run.errors)")
        try expectNothing(in: temporary)
    }

    @Test("a radiograph without a score, and a file that is none, are named")
    func refusals() async throws {
        let longview = try await Installation(privateCluster: true)
        let temporary = try temporaryFolder(of: longview)
        let hand = try longview.write("hand.dcm", SmallRadiograph.builder(1, bodyPart: "HAND").file())
        let refused = try await bench(longview, temporary, ["--count", "1", hand])
        #expect(refused.status == 1)
        #expect(refused.errors.contains("hand.dcm got no score"), "\(refused.errors)")
        let text = try longview.write("letter.txt", "Dear colleague".utf8)
        let unreadable = try await bench(longview, temporary, [text])
        #expect(unreadable.status == 1)
        #expect(unreadable.errors.contains("letter.txt"), "\(unreadable.errors)")
        try expectNothing(in: temporary)
    }

    private func temporaryFolder(of longview: Installation) throws -> URL {
        let folder = longview.folder.appendingPathComponent("tmp", isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        return folder
    }

    private func bench(
        _ longview: Installation, _ temporary: URL, _ arguments: [String], input: String = ""
    ) async throws -> Installation.Run {
        var longview = longview
        longview.environment["TMPDIR"] = temporary.path
        return try await longview.run(
            ["bench", "queue", "--json", "--threads", "2", "--package", Installation.shippedModel.path] + arguments,
            input: input)
    }

    /// No file, and no process that was given one: neither server, decoder nor database.
    private func expectNothing(in folder: URL) throws {
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int32(process) != nil {
            let facts = ["cmdline", "environ"].compactMap {
                try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/\($0)"))
            }
            let names = facts.contains { $0.firstRange(of: Data(folder.path.utf8)) != nil }
            #expect(!names, "process \(process) goes on")
        }
    }
}
