import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Watching, working and the queue")
struct QueueCommandTests {
    /// With the shipped model active and `count` small radiographs in the folder `in`.
    private static func installation(_ count: Int) async throws -> Installation {
        let longview = try await Installation.ready(active: true)
        for number in 0..<count { _ = try longview.write("in/\(number).dcm", try SmallRadiograph.file(number)) }
        return longview
    }

    @Test("workers killed again and again in the middle of their work lose nothing and score nothing twice")
    func killed() async throws {
        let count = Drill.rounds(short: 48, long: 200)
        let longview = try await Self.installation(count)
        let watcher = try Installation.Running(
            longview, ["watch", longview.path("in"), "--done", longview.path("done"), "--interval", "0.2"])
        try await longview.wait("the watcher did not take the files in: \(watcher.errors)") {
            (try? FileManager.default.contentsOfDirectory(atPath: longview.path("done")).count) == count
        }
        #expect(try await watcher.end(by: SIGTERM) == 0, "\(watcher.errors)")

        let database = try await PostgresConnection.connect(
            PostgresConfiguration(url: #require(longview.environment["DATABASE_URL"])), logger: TestLog.silent)
        var kills = 0
        for round in 0..<Drill.rounds(short: 4, long: 40) {
            let worker = try Installation.Running(longview, ["work", "--lease", "1"])
            // Asked of the database: by the time that a program has started and asked, all may be done.
            try await longview.wait(every: .milliseconds(5)) {
                try await database.query("SELECT FROM longview.jobs WHERE state = 'leased'").count > 0
                    || !worker.isRunning
            }
            try await Task.sleep(for: .milliseconds(20 * (round % 8)))
            #expect(worker.isRunning, "\(worker.errors)")
            try await worker.end(by: SIGKILL)
            kills += 1
        }
        #expect(try await longview.queueLength() > 0, "all was done before the last was killed")
        await database.close()
        let last = try Installation.Running(longview, ["work", "--lease", "1"])
        try await longview.wait { try await longview.queueLength() == 0 }
        #expect(try await last.end(by: SIGTERM) == 0, "\(last.errors)")

        let scores = try await longview.run("scores", "--json", "--limit", "1000").objects
        #expect(scores.count == count)
        #expect(Set(scores.compactMap { $0["object_sha256"] as? String }).count == count)
        let done = try await longview.run("queue", "list", "--state", "done", "--json", "--limit", "1000").objects
        #expect(
            Set(done.compactMap { $0["inference_id"] as? String })
                == Set(scores.compactMap { $0["inference_id"] as? String }))
        #expect(done.count == count)
        print("\(kills) workers were killed with \(count) objects in the queue")
    }

    @Test("what one machine receives and decodes another scores, which has no object and no decoder")
    func stages() async throws {
        let longview = try await Self.installation(8)
        var other = longview
        other.environment["LONGVIEW_HOME"] = longview.path("other")
        other.environment["LONGVIEW_DECODER"] = "/nonexistent"
        // Registered before: only its package comes to this machine.
        #expect(try await other.run("model", "import", Installation.shippedModel.path).status == 0)
        let watcher = try Installation.Running(longview, ["watch", longview.path("in"), "--interval", "0.2"])
        let decoder = try Installation.Running(longview, ["work", "--stage", "decode"])
        try await longview.wait { try await longview.queueStatus()["rendered"] as? Int == 8 }
        let waiting = try await longview.run("queue", "list", "--json").objects
        #expect(waiting.allSatisfy { $0["stage"] as? String == "score" })
        #expect(try await longview.run("queue", "status").output.contains("8 of these, to be scored anywhere"))
        let scorer = try Installation.Running(other, ["work", "--stage", "score"])
        try await longview.wait("\(scorer.errors)") { try await longview.queueLength() == 0 }
        #expect(try await scorer.end(by: SIGTERM) == 0, "\(scorer.errors)")
        #expect(try await decoder.end(by: SIGTERM) == 0, "\(decoder.errors)")
        #expect(try await watcher.end(by: SIGTERM) == 0, "\(watcher.errors)")
        #expect(!FileManager.default.fileExists(atPath: longview.path("other/objects")))
        // From the picture and the model alone, to the bit; and as the ledger has it.
        #expect(try await longview.run("replay", "--all").status == 0)
        _ = try await longview.makeLedgerKey()
        try await longview.checkRecords(8)
        let refused = try await longview.run("serve", "--any-caller", "--stage", "score")
        #expect(refused.status != 0 && refused.errors.contains("longview work"), "\(refused.errors)")
    }

    @Test("SIGTERM ends a worker in order: nothing stays leased, and what was not begun is back in the queue")
    func terminated() async throws {
        let longview = try await Self.installation(30)
        let watcher = try Installation.Running(longview, ["watch", longview.path("in"), "--interval", "0.2"])
        try await longview.wait { try await longview.queueLength() == 30 }
        #expect(try await watcher.end(by: SIGTERM) == 0, "\(watcher.errors)")
        let worker = try Installation.Running(longview, ["work"])
        try await longview.wait { try await longview.queueStatus()["done_last_hour"] as? Int != 0 }
        #expect(try await worker.end(by: SIGTERM) == 0, "\(worker.errors)")
        let status = try await longview.queueStatus()
        #expect(status["leased"] as? Int == 0)
        let done = try #require(status["done_last_hour"] as? Int)
        let waiting = try #require(status["waiting_normal"] as? Int)
        #expect(done + waiting == 30)
        #expect(waiting > 0, "it went on to the end")
    }

    @Test("jobs are listed, shown, cancelled and tried again; a job that failed tells why")
    func operations() async throws {
        let longview = try await Self.installation(3)
        let watcher = try Installation.Running(longview, ["watch", longview.path("in"), "--interval", "0.2"])
        try await longview.wait { try await longview.queueLength() == 3 }
        try await watcher.end(by: SIGTERM)
        let jobs = try await longview.run("queue", "list", "--json").objects
        #expect(jobs.map { $0["state"] as? String } == ["waiting", "waiting", "waiting"])
        let ids = jobs.compactMap { ($0["job_id"] as? Int).map(String.init) }
        let first = try #require(jobs[0]["object_sha256"] as? String)

        let cancelled = try await longview.run("queue", "cancel", ids[0], "--reason", "sent by mistake")
        #expect(cancelled.status == 0)
        #expect(try await longview.run("queue", "cancel", ids[0], "--reason", "again").status == 1)
        let shown = try #require(try await longview.run("queue", "show", ids[0], "--json").objects.first)
        #expect(shown["state"] as? String == "cancelled" && shown["code"] as? String == "sent by mistake")

        // The bytes of the second are gone: its attempts fail, and say so.
        let second = try #require(jobs[1]["object_sha256"] as? String)
        let object = longview.path("home/objects/\(second.prefix(2))/\(second.dropFirst(2).prefix(2))/\(second)")
        try FileManager.default.removeItem(atPath: object)
        let worker = try Installation.Running(longview, ["work"])
        try await longview.wait {
            let status = try await longview.queueStatus()
            return status["pausing"] as? Int == 1 && status["done_last_hour"] as? Int == 1
        }
        #expect(try await longview.run("queue", "retry", first).output.contains("queued"))
        try await longview.wait { try await longview.queueStatus()["done_last_hour"] as? Int == 2 }
        let failed = try #require(try await longview.run("queue", "show", ids[1], "--json").objects.first)
        let failures = try #require(failed["failures"] as? [[String: Any]])
        #expect(failures.count == 1 && failures[0]["code"] as? String == "object_missing")
        #expect(try await longview.run("queue", "retry", "--dead").output.hasPrefix("0 jobs"))
        #expect(try await longview.run("queue", "retry", "999999").status == 1)
        #expect(try await longview.run("queue", "show", "999999").status == 1)
        #expect(try await longview.run("queue", "status").output.contains("1 that failed"))
        #expect(try await longview.run("scores", "--json").objects.count == 2)
        try await worker.end(by: SIGTERM)
    }

    @Test("a shadow is never shown, nor used unless it is activated")
    func shadow() async throws {
        let longview = try await Installation.ready()
        #expect(try await longview.run("model", "shadow", "nih-pneumonia", "--reason", "trial").status == 0)
        let file = try longview.write("one.dcm", try SmallRadiograph.file(1))
        let refused = try await longview.run("score", file, "--model", "nih-pneumonia@1")
        #expect(refused.status == 1 && refused.errors.contains("is a shadow"), "\(refused.errors)")
        #expect(try await longview.run("score", file).status == 1)
        let listed = try await longview.run("model", "list", "--json").objects
        #expect(listed.map { $0["state"] as? String } == ["shadow"])
        #expect(try await longview.run("model", "activate", "nih-pneumonia").status == 0)
        #expect(try await longview.run("score", file).status == 0)
    }
}
