import Postgres
import Store
import TestSupport
import Testing

@Suite("Intake")
struct IntakeTests {
    @Test("an object is known, its intake recorded and its job there, all at once")
    func new() async throws {
        let (database, store) = try await Samples.queue()
        #expect(try await !store.wasTakenIn(Samples.digest(1)))
        #expect(try await store.intake(Samples.object(1), from: Samples.source, priority: .stat) == .new)
        #expect(try await store.wasTakenIn(Samples.digest(1)))
        let jobs = try await store.jobs(in: nil, limit: 10)
        #expect(jobs.map(\.objectSHA256) == [Samples.digest(1)])
        #expect(jobs.map(\.priority) == [.stat])
        #expect(jobs.map(\.model) == ["sample@1"])
        #expect(
            try await database.count(
                "SELECT count(*) AS n FROM longview.intakes WHERE calling_ae = 'CR1' AND outcome = 'new'"
            ) == 1)
        await store.close()
    }

    @Test("many senders of the same bytes are all answered, and one job is there", arguments: [true, false])
    func sameBytes(withUID: Bool) async throws {
        let (_, store) = try await Samples.queue(connections: 12)
        var object = Samples.object(1)
        if !withUID { object.sopInstanceUID = nil }
        let outcomes = try await withThrowingTaskGroup(of: IntakeOutcome.self) { [object] group in
            for _ in 0..<24 { group.addTask { try await store.intake(object, from: Samples.source) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .new } == 1)
        #expect(outcomes.count { $0 == .duplicate } == 23)
        #expect(try await store.jobs(in: nil, limit: 10).count == 1)
        await store.close()
    }

    @Test("of several objects with one UID the first is scored; the others are kept, flagged, and wait for a person")
    func conflict() async throws {
        let (database, store) = try await Samples.queue(connections: 8)
        let outcomes = try await withThrowingTaskGroup(of: IntakeOutcome.self) { group in
            for number in 1...8 {
                group.addTask {
                    var object = Samples.object(number)
                    object.sopInstanceUID = "2.25.77"
                    return try await store.intake(object, from: Samples.source)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .new } == 1)
        #expect(outcomes.count { $0 == .conflicting } == 7)
        #expect(try await store.jobs(in: nil, limit: 10).count == 1)
        #expect(try await database.count("SELECT count(*) AS n FROM longview.objects") == 8)
        #expect(try await store.queueStatus().conflicts == 7)

        let scored = try await store.jobs(in: nil, limit: 1)[0].objectSHA256
        let held = try #require((1...8).map { Samples.digest($0) }.first { $0 != scored })
        // Sent again it is a duplicate, and still held back.
        var again = ObjectRecord(sha256: held, kind: .dicom, byteCount: 12)
        again.sopInstanceUID = "2.25.77"
        #expect(try await store.intake(again, from: Samples.source) == .duplicate)
        #expect(try await store.jobs(in: nil, limit: 10).count == 1)
        #expect(try await store.requeue(object: held) == .queued(1))
        #expect(try await store.requeue(object: held) == .queued(0))
        #expect(try await store.requeue(object: Samples.digest(99)) == .unknownObject)
        #expect(try await store.jobs(in: nil, limit: 10).count == 2)
        #expect(try await store.queueStatus().conflicts == 6)
        await store.close()
    }

    @Test("sent again, what was scored gets no job, and what waits becomes urgent when it is asked for urgently")
    func again() async throws {
        let (_, store) = try await Samples.queue(2)
        let job = try #require(try await store.take(1).first)
        _ = try await store.complete(job, with: Samples.inference(of: job), picture: Samples.picture)
        #expect(try await store.intake(Samples.object(0), from: Samples.source, priority: .stat) == .duplicate)
        #expect(try await store.intake(Samples.object(1), from: Samples.source, priority: .stat) == .duplicate)
        let jobs = try await store.jobs(in: nil, limit: 10)
        #expect(jobs.map(\.objectSHA256) == [Samples.digest(1)])
        #expect(jobs.map(\.priority) == [.stat])
        await store.close()
    }

    @Test("sent again while its job is about to end, an object gets no second job", arguments: [true, false])
    func endingJob(isSent: Bool) async throws {
        let (database, store) = try await Samples.queue(1)
        let worker = try await database.connect()
        try await worker.execute("BEGIN")
        try await worker.execute(
            """
            WITH ended AS (DELETE FROM longview.jobs RETURNING *)
            INSERT INTO longview.finished_jobs
                (id, object_sha256, model_digest, state, is_shadow, reason, priority, attempts, worker, created_at)
            SELECT id, object_sha256, model_digest, 'refused', false, 'no_pixel_data', priority, 1, 'w1', created_at
            FROM ended
            """)
        let again = Task {
            isSent
                ? try await store.intake(Samples.object(0), from: Samples.source) == .duplicate
                : try await store.requeue(object: Samples.digest(0)) == .queued(0)
        }
        // Until it waits for the worker's transaction.
        let waiting: SQL = """
            SELECT count(*) AS n FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        while try await database.count(waiting) == 0 { try await Task.sleep(for: .milliseconds(10)) }
        try await worker.execute("COMMIT")
        #expect(try await again.value)
        #expect(try await store.jobs(in: nil, limit: 10).isEmpty)
        await worker.close()
        await store.close()
    }

    @Test("what an object says of itself may be added later, and is never changed")
    func description() async throws {
        let (database, store) = try await Samples.queue()
        let bare = ObjectRecord(sha256: Samples.digest("1"), kind: .unknown, byteCount: 12)
        _ = try await store.intake(bare, from: Samples.source)
        _ = try await store.record(Samples.inference(), picture: Samples.picture)
        #expect(try await Samples.reads(database).inferences(InferenceQuery())[0].record.object == Samples.object())
        var other = Samples.object()
        other.patientID = "P2"
        _ = try await store.intake(other, from: Samples.source)
        #expect(try await Samples.reads(database).inferences(InferenceQuery())[0].record.object == Samples.object())
        let worker = try await database.connect(user: PrivateCluster.workerRole)
        for change: SQL in [
            "UPDATE longview.objects SET patient_id = 'P2'", "UPDATE longview.objects SET patient_id = NULL",
            "UPDATE longview.objects SET kind = 'png'", "UPDATE longview.objects SET byte_count = 1",
            "DELETE FROM longview.objects",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await worker.execute(change) }
            #expect(error?.code == .permissionDenied)
        }
        await worker.close()
        await store.close()
    }

    @Test("what comes while no model is active is scored by the first to be activated")
    func noModel() async throws {
        let (_, store) = try await Samples.store()
        #expect(try await store.intake(Samples.object(1), from: Samples.source) == .new)
        #expect(try await store.queueStatus().withoutModel == 1)
        #expect(try await store.take(5).isEmpty)
        _ = try await store.setState(.active, of: Samples.model, reason: nil)
        #expect(try await store.queueStatus().withoutModel == 0)
        #expect(try await store.take(5).map(\.objectSHA256) == [Samples.digest(1)])
        await store.close()
    }
}
