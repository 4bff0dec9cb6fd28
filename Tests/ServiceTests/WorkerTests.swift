import Foundation
import Postgres
import Service
import ServiceLifecycle
import ServiceLifecycleTestKit
import Store
import TestSupport
import Testing

@Suite("Worker")
struct WorkerTests {
    @Test("several workers score each object once; what can't be decoded or read harms no other")
    func everything() async throws {
        let site = try await Site()
        for number in 0..<10 { try await site.send(number) }
        let leg = try await site.send(bytes: SmallRadiograph.builder(50, bodyPart: "LEG").file())
        let nonsense = try await site.send(bytes: Array("this is no radiograph".utf8))
        let lost = try await site.send(51)
        try FileManager.default.removeItem(at: site.folder.location(of: lost.sha256))
        let altered = try await site.send(52)
        try Data("other bytes".utf8).write(to: site.folder.location(of: altered.sha256))

        try await site.withWorker(site.worker("w1") { $0.retries.maximumAttempts = 2 }) {
            try await site.withWorker(site.worker("w2") { $0.retries.maximumAttempts = 2 }) {
                try await site.wait { try await site.store.jobs(in: .dead, limit: 5).count == 2 }
                try await site.wait { try await site.store.jobs(in: nil, limit: 50).count == 2 }
            }
        }
        let scores = try await site.scores()
        #expect(scores.count == 10)
        #expect(Set(scores.map(\.record.object.sha256)).count == 10)
        // What was not known when it came in was added when it was decoded.
        #expect(Set(scores.compactMap(\.record.object.patientID)) == Set((0..<10).map { "SMALL-\($0)" }))
        let refusals = try await site.refusals()
        #expect(Set(refusals.map(\.record.object.sha256)) == [leg.sha256, nonsense.sha256])
        let dead = try await site.store.jobs(in: .dead, limit: 5)
        #expect(dead.first { $0.objectSHA256 == lost.sha256 }?.code == "object_missing")
        #expect(dead.first { $0.objectSHA256 == altered.sha256 }?.code == "object_altered")
        #expect(try await site.store.job(dead[0].id)?.attempts.count == 2)
        await site.store.close()
    }

    @Test("told to stop, a worker finishes what is in the network and gives the rest back; nothing stays leased")
    func gracefulStop() async throws {
        let site = try await Site()
        for number in 0..<12 { try await site.send(number) }
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await site.worker().run() }
                try await site.wait { try await site.scores().count >= 1 }
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
        let status = try await site.store.queueStatus()
        let scored = try await site.scores().count
        #expect(status.leased == 0)
        #expect(status.waitingNormal + scored == 12)
        #expect(status.waitingNormal > 0, "it went on to the end")
        let returned = try await site.count(
            "SELECT count(*) AS n FROM longview.job_attempts WHERE outcome = 'returned' AND code = 'worker_stopped'")
        #expect(returned > 0)
        try await site.withWorker(site.worker("w2")) { try await site.wait { try await site.scores().count == 12 } }
        // What was given back had not begun.
        #expect(try await site.count("SELECT max(attempts)::bigint AS n FROM longview.finished_jobs") == 1)
        await site.store.close()
    }

    @Test(
        "another version takes over when it is loaded; until then the one before goes on, and each object has one score"
    )
    func modelSwitch() async throws {
        let site = try await Site()
        let second = try await site.register(version: "2")
        let gate = WorkSignal()
        let closed = gate.generation
        let worker = site.worker {
            $0.largestBatch = 1
            $0.jobsInHand = 2
        } load: { model in
            // Loading takes as long as the test wants.
            if model.version == "2" { await gate.wait(since: closed, upTo: .seconds(60)) }
        }
        try await site.withWorker(worker) {
            try await site.send(0)
            try await site.wait { try await site.scores().count == 1 }
            _ = try await site.store.setState(.active, of: second, reason: nil)
            try await Task.sleep(for: .milliseconds(200))
            // Queued for version 1, as what was received before the change still waits.
            for number in 1...12 { try await site.send(number) }
            let owner = try await site.database.connect()
            try await owner.execute(
                """
                UPDATE longview.jobs SET model_digest = (SELECT digest FROM longview.models WHERE version = '1')
                WHERE state = 'waiting'
                """)
            await owner.close()
            site.signal.notify()
            try await site.wait("the version before stopped too early") { try await site.scores().count >= 3 }
            gate.notify()
            try await site.wait { try await site.scores().count == 13 }
            try await site.send(20)
            try await site.wait { try await site.scores().count == 14 }
        }
        let scores = try await site.scores()
        #expect(Set(scores.map(\.record.object.sha256)).count == 14)
        #expect(scores[0].record.modelVersion == "2")
        // Newest first: version 2 from some moment on; version 1 ends after it what it had in hand, and begins nothing.
        let versions = scores.map(\.record.modelVersion)
        let late = versions[..<versions.lastIndex(of: "2")!].count { $0 == "1" }
        #expect(late <= 2, "\(versions)")
        #expect(versions.contains("2") && versions.filter { $0 == "1" }.count >= 3)
        await site.store.close()
    }

    @Test("a version that can't be used here scores nothing, and neither does the one that was replaced")
    func unusableModel() async throws {
        let site = try await Site()
        let second = try await site.register(version: "2")
        struct Unusable: Error {}
        let worker = site.worker { _ in
        } load: { model in
            if model.version == "2" { throw Unusable() }
        }
        try await site.withWorker(worker) {
            try await site.send(0)
            try await site.wait { try await site.scores().count == 1 }
            _ = try await site.store.setState(.active, of: second, reason: nil)
            try await Task.sleep(for: .milliseconds(400))
            try await site.send(1)
            try await Task.sleep(for: .milliseconds(400))
            #expect(try await site.scores().count == 1)
            #expect(try await site.store.queueStatus().waitingNormal == 1)
            _ = try await site.store.setState(
                .active, of: site.store.models().first { $0.version == "1" }!, reason: "back")
            try await site.wait { try await site.scores().count == 2 }
        }
        #expect(try await site.scores().map(\.record.modelVersion) == ["1", "1"])
        await site.store.close()
    }

    @Test("a shadow scores what the active model does, to the same bits here, and clinicians see one score")
    func shadow() async throws {
        let site = try await Site()
        _ = try await site.store.setState(.shadow, of: site.register(version: "2"), reason: nil)
        for number in 0..<3 { try await site.send(number) }
        try await site.withWorker(site.worker()) {
            try await site.wait { try await site.store.jobs(in: .done, limit: 10).count == 6 }
        }
        #expect(try await site.scores().map(\.record.modelVersion) == ["1", "1", "1"])
        #expect(
            try await site.count(
                """
                SELECT count(*) AS n FROM longview.shadow_inferences s
                JOIN longview.inferences i USING (object_sha256, picture_sha256, logits, risk)
                """) == 3)
        await site.store.close()
    }

    @Test("a database that ends every session again and again delays work and loses none")
    func outages() async throws {
        let site = try await Site()
        for number in 0..<8 { try await site.send(number) }
        let owner = try await site.database.connect()
        try await site.withWorker(site.worker()) {
            for _ in 0..<6 {
                try await Task.sleep(for: .milliseconds(100))
                try await owner.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
            }
            try await site.wait { (try? await site.scores().count) == 8 }
            try await site.wait { (try? await site.store.jobs(in: nil, limit: 9).isEmpty) == true }
        }
        #expect(try await site.count("SELECT count(*) AS n FROM longview.finished_jobs WHERE state = 'done'") == 8)
        await owner.close()
        await site.store.close()
    }

    @Test("a worker without the folder in which the bytes lie leaves the jobs to those who have it")
    func elsewhere() async throws {
        let site = try await Site()
        for number in 0..<3 { try await site.send(number) }
        let other = ObjectFolder(site.root.appendingPathComponent("elsewhere", isDirectory: true))
        try other.prepare()
        try await site.withWorker(site.worker("stranger", folder: other)) {
            // Long enough for it to have looked several times.
            try await Task.sleep(for: .seconds(1))
            #expect(try await site.count("SELECT count(*) AS n FROM longview.jobs WHERE attempts = 0") == 3)
            try await site.withWorker(site.worker()) {
                try await site.wait { try await site.scores().count == 3 }
            }
        }
        #expect(try await site.count("SELECT count(*) AS n FROM longview.job_attempts") == 0)
        await site.store.close()
    }

    @Test("one worker decodes, another without the folder scores: to the bits of one that does both")
    func stages() async throws {
        let site = try await Site()
        for number in 0..<6 { try await site.send(number) }
        let leg = try await site.send(bytes: SmallRadiograph.builder(50, bodyPart: "LEG").file())
        let nowhere = ObjectFolder(site.root.appendingPathComponent("nowhere", isDirectory: true))
        let decoder = site.worker("decoder") { $0.stages = [.decode] }
        let scorer = site.worker("scorer", folder: nowhere) { $0.stages = [.score] }
        try await site.withWorker(decoder) {
            try await site.wait { try await site.store.queueStatus().rendered == 6 }
            #expect(try await site.scores().isEmpty)
            #expect(try await site.refusals().map(\.record.object.sha256) == [leg.sha256])
            try await site.withWorker(scorer) { try await site.wait { try await site.scores().count == 6 } }
        }
        #expect(!FileManager.default.fileExists(atPath: nowhere.folder.path))
        #expect(try await site.count("SELECT count(*) AS n FROM longview.renderings") == 0)
        #expect(try await site.count("SELECT count(*) AS n FROM longview.job_attempts") == 0)
        let done = try await site.store.jobs(in: .done, limit: 9)
        #expect(done.allSatisfy { $0.worker == "scorer" && $0.attempts == 1 })

        let whole = try await Site()
        for number in 0..<6 { try await whole.send(number) }
        try await whole.withWorker(whole.worker()) { try await whole.wait { try await whole.scores().count == 6 } }
        let expected = Dictionary(
            uniqueKeysWithValues: try await whole.scores().map { ($0.record.object.sha256, $0.record) })
        for score in try await site.scores() {
            let one = try #require(expected[score.record.object.sha256])
            #expect(score.record.logits.map(\.bitPattern) == one.logits.map(\.bitPattern))
            #expect(score.record.risk == one.risk && score.record.pictureSHA256 == one.pictureSHA256)
            #expect(score.record.object == one.object && score.record.flags == one.flags)
            #expect(score.record.rendering.text.contains("rendered_by") && !one.rendering.text.contains("rendered_by"))
        }
        await site.store.close()
        await whole.store.close()
    }

    @Test("a worker that does both scores what one that is gone has rendered; what was altered is rendered again")
    func renderedElsewhere() async throws {
        let site = try await Site()
        for number in 0..<4 { try await site.send(number) }
        let limited = site.worker("decoder") {
            $0.stages = [.decode]
            $0.renderedAhead = 2
            $0.jobsInHand = 1
        }
        try await site.withWorker(limited) {
            try await site.wait { try await site.store.queueStatus().rendered == 2 }
            // Long enough for more to have been rendered.
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(try await site.store.queueStatus().rendered == 2)
        let owner = try await site.database.connect()
        try await owner.execute(
            """
            UPDATE longview.renderings SET data = overlay(data PLACING '\\x0000'::bytea FROM length(data) / 2)
            WHERE job_id = (SELECT min(job_id) FROM longview.renderings)
            """)
        await owner.close()
        let both = site.worker("both") { $0.renderedInterval = .milliseconds(50) }
        try await site.withWorker(both) { try await site.wait { try await site.scores().count == 4 } }
        #expect(
            try await site.count(
                "SELECT count(*) AS n FROM longview.job_attempts WHERE code = 'picture_altered' AND attempt = 1") == 1)
        #expect(try await site.scores().filter { $0.record.rendering.text.contains("rendered_by") }.count == 1)
        await site.store.close()
    }

    @Test("what another worker left behind is done when its leases have ended")
    func abandoned() async throws {
        let site = try await Site()
        for number in 0..<2 { try await site.send(number) }
        let digest = try await site.store.modelsInUse()[0].digest
        var cursor = ClaimCursor()
        let jobs = try await site.store.claim(
            2, .toDecode(in: site.folder.identity()), modelDigest: digest, worker: "gone", lease: .milliseconds(300),
            cursor: &cursor)
        #expect(jobs.count == 2)
        try await site.withWorker(site.worker { $0.lease = .seconds(2) }) {
            try await site.wait { try await site.scores().count == 2 }
        }
        #expect(
            try await site.count(
                "SELECT count(*) AS n FROM longview.job_attempts WHERE outcome = 'expired' AND worker = 'gone'") == 2)
        await site.store.close()
    }
}
