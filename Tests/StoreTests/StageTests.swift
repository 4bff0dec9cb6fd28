import Foundation
import Postgres
import Store
import TestSupport
import Testing

@Suite("Stages of a job")
struct StageTests {
    fileprivate static let rendering = RenderingRecord(
        picture: Samples.picture, provenance: JSONText(#"{"source": "dicom"}"#), gate: JSONText(#"{"accepted": true}"#),
        flags: ["view_position_absent"], decodeMilliseconds: 1.5, renderMilliseconds: 2.25)

    /// A queue with the first jobs at the second stage.
    private static func rendered(_ count: Int, of all: Int = 3) async throws -> (TestDatabase, Store, [Job]) {
        let (database, store) = try await Samples.queue(all)
        let jobs = try await store.take(count)
        for job in jobs { #expect(try await store.handOver(job)) }
        return (database, store, jobs)
    }

    @Test("what was rendered is for whoever scores, with all that is needed for it, and goes when it is scored")
    func handedOver() async throws {
        let (database, store, jobs) = try await Self.rendered(2)
        #expect(try await store.queueStatus().rendered == 2)
        #expect(try await store.hasRendered(2, modelDigest: Samples.model.digest))
        #expect(try await !store.hasRendered(3, modelDigest: Samples.model.digest))
        #expect(try await store.job(jobs[0].id)?.entry.stage == .score)
        // No folder has what needs none; what is not rendered is not there to be scored.
        #expect(try await store.take(9).map(\.id).allSatisfy { !jobs.map(\.id).contains($0) })
        let scoring = try await store.take(9, .toScore, worker: "w2")
        #expect(scoring.map(\.id) == jobs.map(\.id))
        #expect(scoring.allSatisfy { $0.stage == .score && $0.attempts == 1 && $0.token == 2 })

        let found = try #require(try await store.rendering(for: scoring[0]))
        #expect(found.object.sha256 == scoring[0].objectSHA256)
        // What was not known when it came in.
        #expect(found.object.transferSyntaxUID == "1.2.840.10008.1.2.1")
        var expected = Self.rendering
        expected.provenance = found.rendering.provenance
        expected.gate = found.rendering.gate
        #expect(found.rendering == expected)
        let provenance = try #require(
            try JSONSerialization.jsonObject(with: Data(found.rendering.provenance.text.utf8)) as? [String: Any])
        #expect(provenance["source"] as? String == "dicom")
        #expect(provenance["rendered_by"] as? [String: String] == ["host": "there", "longview_version": "0.9"])

        let record = Samples.inference(of: scoring[0])
        guard case .done = try await store.complete(scoring[0], with: record, picture: Samples.picture) else {
            Issue.record("it could not be completed")
            return
        }
        #expect(try await database.count("SELECT count(*) AS n FROM longview.renderings") == 1)
        #expect(try await store.job(jobs[0].id)?.entry.attempts == 1)
        await store.close()
    }

    @Test("whose lease passed to another hands nothing over, nor reads what was rendered")
    func fencing() async throws {
        let (database, store) = try await Samples.queue(1)
        let (old, new) = try await store.takeAndPassOn()
        #expect(try await !store.handOver(old))
        #expect(try await database.count("SELECT count(*) AS n FROM longview.renderings") == 0)
        #expect(try await store.handOver(new))
        #expect(try await !store.handOver(new), "it was handed over before")
        let scoring = try #require(try await store.take(1, .toScore).first)
        #expect(try await store.rendering(for: new) == nil)
        #expect(try await store.rendering(for: scoring) != nil)
        // The attempt that came to nothing counts on.
        #expect(scoring.attempts == 2)
        await store.close()
    }

    @Test("a worker that is gone leaves what was rendered to the next; what can't be used is rendered again")
    func failures() async throws {
        let (database, store, _) = try await Self.rendered(1, of: 1)
        _ = try await store.take(1, .toScore, lease: .milliseconds(1))
        try await Task.sleep(for: .milliseconds(20))
        #expect(try await store.expireLeases() == 1)
        let failed = try #require(try await store.take(1, .toScore).first)
        _ = try await store.fail(failed, worker: "w", code: "x", message: "")
        #expect(try await store.jobs(in: .waiting, limit: 1).map(\.stage) == [.score])
        #expect(try await store.retry(failed.id) == 1)
        let altered = try #require(try await store.take(1, .toScore).first)
        _ = try await store.fail(altered, worker: "w", code: "x", message: "", beginsAnew: true)
        #expect(try await store.jobs(in: .waiting, limit: 1).map(\.stage) == [.decode])
        #expect(try await database.count("SELECT count(*) AS n FROM longview.renderings") == 0)
        #expect(try await store.retry(altered.id) == 1)
        #expect(try await store.take(1).map(\.id) == [altered.id])
        await store.close()
    }

    @Test("what was rendered goes with its job: cancelled, or given to another model")
    func gone() async throws {
        let (database, store, jobs) = try await Self.rendered(2, of: 2)
        #expect(try await store.cancel(jobs[0].id, reason: "test"))
        #expect(try await database.count("SELECT count(*) AS n FROM longview.renderings") == 1)
        var other = Samples.model
        (other.digest, other.version) = (Samples.digest("9"), "2")
        #expect(try await store.register(other) == .registered)
        _ = try await store.setState(.active, of: other, reason: nil)
        try await store.retargetJobs()
        #expect(try await database.count("SELECT count(*) AS n FROM longview.renderings") == 0)
        #expect(try await store.take(9, .toScore, model: other.digest).isEmpty)
        #expect(try await store.take(9, model: other.digest).map(\.id) == [jobs[1].id])
        // Whose lease it was knows nothing of it.
        #expect(try await !store.handOver(jobs[1]))
        await store.close()
    }

    @Test("a clock that is set back does not hold up what was rendered, with or without a folder")
    func clockSetBack() async throws {
        let (database, store, jobs) = try await Self.rendered(2)
        try await database.execute("UPDATE longview.jobs SET due_at = due_at + interval '1 hour'")
        #expect(try await store.undoClockSetBack(in: nil) == 2)
        #expect(try await store.take(9, .toScore).map(\.id) == jobs.map(\.id))
        #expect(try await store.take(9).isEmpty)
        #expect(try await store.undoClockSetBack(in: Samples.source.folder) == 1)
        #expect(try await store.take(9).count == 1)
        await store.close()
    }

    @Test("searches of both stages go by an index, however many jobs wait")
    func indexes() async throws {
        let (database, store) = try await Samples.queue(1)
        let owner = try await database.connect()
        for search: SQL in [
            "stage = 'decode' AND folder = '00000000-0000-0000-0000-000000000000'", "stage = 'score'",
        ] {
            try await owner.execute("SET enable_seqscan = off")
            let plan = try await owner.query(
                "EXPLAIN SELECT id FROM longview.jobs WHERE " + search
                    + """
                         AND state = 'waiting' AND model_digest = 'a' AND priority = 1
                        AND due_at >= now() AND due_at <= statement_timestamp()
                        ORDER BY due_at, id LIMIT 12
                    """)
            let text = try plan.map { try $0["QUERY PLAN"] as String }.joined(separator: "\n")
            #expect(text.contains("jobs_to_") && !text.contains("Sort"), "\(text)")
        }
        await owner.close()
        await store.close()
    }
}

extension Store {
    fileprivate func handOver(_ job: Job) async throws -> Bool {
        var object = ObjectRecord(sha256: job.objectSHA256, kind: .dicom, byteCount: 12)
        object.transferSyntaxUID = "1.2.840.10008.1.2.1"
        return try await handOver(
            job, StageTests.rendering, of: object, by: Renderer(host: "there", longviewVersion: "0.9"))
    }
}
