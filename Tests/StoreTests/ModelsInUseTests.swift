import Postgres
import Store
import TestSupport
import Testing

@Suite("Jobs and models in use")
struct ModelsInUseTests {
    private static let second = RegisteredModel(
        digest: Samples.digest("d"), name: "sample", version: "2", weightsSHA256: Samples.digest("b"),
        description: "{}")

    private static func inference(of job: Job) -> InferenceRecord {
        var record = Samples.inference(of: job)
        record.modelDigest = job.modelDigest
        record.modelVersion = job.modelDigest == second.digest ? "2" : "1"
        return record
    }

    @Test("what waits for a version that was replaced is scored by the one that replaced it, once")
    func replaced() async throws {
        let (database, store) = try await Samples.queue(3)
        _ = try await store.register(Self.second)
        let begun = try #require(try await store.take(1).first)
        _ = try await store.setState(.active, of: Self.second, reason: nil)
        // Sent again after the change, an object has a job for each version for a moment.
        #expect(try await store.intake(Samples.object(2), from: Samples.source) == .duplicate)
        try await store.retargetJobs()
        #expect(try await store.take(5).isEmpty)
        let jobs = try await store.take(5, model: Self.second.digest)
        #expect(jobs.map(\.objectSHA256) == [Samples.digest(1), Samples.digest(2)])
        for job in [begun] + jobs {
            _ = try await store.complete(job, with: Self.inference(of: job), picture: Samples.picture)
        }
        let versions = try await Samples.reads(database).inferences(InferenceQuery()).map(\.record.modelVersion)
        #expect(versions == ["2", "2", "1"])
        await store.close()
    }

    @Test("what waits for a model that was retired goes on waiting for a version of its name")
    func retired() async throws {
        let (_, store) = try await Samples.queue(1)
        _ = try await store.register(Self.second)
        _ = try await store.setState(.retired, of: Samples.model, reason: nil)
        try await store.retargetJobs()
        #expect(try await store.queueStatus().withoutModel == 1)
        _ = try await store.setState(.active, of: Self.second, reason: nil)
        try await store.retargetJobs()
        #expect(try await store.take(5, model: Self.second.digest).count == 1)
        await store.close()
    }

    @Test("a shadow model's scores and refusals are recorded, and no query for results returns them")
    func shadow() async throws {
        let (database, store) = try await Samples.queue()
        _ = try await store.register(Self.second)
        _ = try await store.setState(.shadow, of: Self.second, reason: "trial")
        #expect(try await store.modelsInUse().map(\.state) == [.active, .shadow])
        for number in 0..<2 { _ = try await store.intake(Samples.object(number), from: Samples.source) }
        let shadows = try await store.take(5, model: Self.second.digest)
        #expect(shadows.count == 2)
        guard
            case .done(.recorded(let id)) = try await store.complete(
                shadows[0], with: Self.inference(of: shadows[0]), picture: Samples.picture)
        else {
            Issue.record("a shadow's job could not be completed")
            return
        }
        let refusal = RefusalRecord(
            object: ObjectRecord(sha256: shadows[1].objectSHA256, kind: .dicom, byteCount: 12),
            modelDigest: shadows[1].modelDigest, stage: .gate, code: "lateral_view", message: "", gate: nil,
            longviewVersion: "0", host: "test")
        _ = try await store.complete(shadows[1], with: refusal)
        #expect(try await Samples.reads(database).inferences(InferenceQuery()).isEmpty)
        #expect(try await Samples.reads(database).refusals(InferenceQuery()).isEmpty)
        #expect(try await store.inference(id) == nil)
        #expect(
            try await store.inference(
                ofObject: shadows[0].objectSHA256, modelDigest: Self.second.digest, views: .profile) == nil)
        #expect(try await database.count("SELECT count(*) AS n FROM longview.shadow_inferences") == 1)
        #expect(try await database.count("SELECT count(*) AS n FROM longview.shadow_refusals") == 1)
        #expect(try await store.job(shadows[0].id)?.entry.isShadow == true)

        // Active now, it scores what waits, also what it scored as a shadow: that was no result.
        _ = try await store.setState(.active, of: Self.second, reason: nil)
        try await store.retargetJobs()
        let jobs = try await store.take(5, model: Self.second.digest)
        #expect(jobs.count == 2)
        for job in jobs { _ = try await store.complete(job, with: Self.inference(of: job), picture: Samples.picture) }
        #expect(
            try await Samples.reads(database).inferences(InferenceQuery()).map(\.record.modelVersion) == ["2", "2"])
        await store.close()
    }

    @Test("what a shadow began is its shadow's record though it was retired meanwhile; what waits for it is dropped")
    func shadowRetired() async throws {
        let (database, store) = try await Samples.queue()
        _ = try await store.register(Self.second)
        _ = try await store.setState(.shadow, of: Self.second, reason: nil)
        for number in 0..<2 { _ = try await store.intake(Samples.object(number), from: Samples.source) }
        let begun = try #require(try await store.take(1, model: Self.second.digest).first)
        _ = try await store.setState(.retired, of: Self.second, reason: nil)
        try await store.retargetJobs()
        _ = try await store.complete(begun, with: Self.inference(of: begun), picture: Samples.picture)
        #expect(try await database.count("SELECT count(*) AS n FROM longview.shadow_inferences") == 1)
        #expect(try await Samples.reads(database).inferences(InferenceQuery()).isEmpty)
        #expect(try await store.jobs(in: .cancelled, limit: 5).map(\.code) == ["model_not_in_use"])
        #expect(try await store.take(5).count == 2)
        await store.close()
    }
}
