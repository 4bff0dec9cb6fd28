import Foundation
import Postgres
import Store
import TestSupport
import Testing

@Suite("Queue")
struct QueueTests {
    @Test("workers that claim at once get different jobs, and together all of them")
    func claims() async throws {
        let (_, store) = try await Samples.queue(120, connections: 12)
        let jobs = try await withThrowingTaskGroup(of: [Job].self) { group in
            for worker in 0..<12 {
                group.addTask {
                    var cursor = ClaimCursor()
                    var mine: [Job] = []
                    while true {
                        let more = try await store.claim(
                            3, .toDecode(in: Samples.source.folder), modelDigest: Samples.model.digest,
                            worker: "w\(worker)", lease: .seconds(60), cursor: &cursor)
                        mine += more
                        if more.isEmpty { return mine }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(jobs.count == 120)
        #expect(Set(jobs.map(\.objectSHA256)).count == 120)
        #expect(jobs.allSatisfy { $0.token == 1 && $0.attempts == 1 })
        #expect(try await store.queueStatus().leased == 120)
        await store.close()
    }

    @Test("a job is for workers that have the bytes: in the folder they came to last, or to which it was adopted")
    func folders() async throws {
        let (_, store) = try await Samples.queue(1)
        let (here, there) = (UUID(), UUID())
        var source = Samples.source
        source.folder = here
        for number in 1..<3 { #expect(try await store.intake(Samples.object(number), from: source) == .new) }
        func claimed(in folder: UUID) async throws -> [String] {
            let jobs = try await store.take(9, .toDecode(in: folder))
            try await store.release(jobs, code: "stopped", message: "")
            return jobs.map(\.objectSHA256)
        }
        #expect(try await claimed(in: there) == [])
        #expect(try await claimed(in: here) == [Samples.digest(1), Samples.digest(2)])
        // Sent again to another receiver, as when the first is gone.
        source.folder = there
        #expect(try await store.intake(Samples.object(2), from: source) == .duplicate)
        #expect(try await claimed(in: here) == [Samples.digest(1)])
        #expect(try await claimed(in: there) == [Samples.digest(2)])
        // The one from before folders had an identity.
        #expect(try await store.adoptJobs(into: here, host: "another") == 0)
        #expect(try await store.adoptJobs(into: here, host: Samples.source.host) == 1)
        #expect(try await claimed(in: here) == [Samples.digest(0), Samples.digest(1)])
        await store.close()
    }

    @Test("a job is done exactly when its record is there; recorded before, it is done as well")
    func completion() async throws {
        let (database, store) = try await Samples.queue(2)
        let jobs = try await store.take(2)
        let record = Samples.inference(of: jobs[0])
        guard case .done(.recorded(let id)) = try await store.complete(jobs[0], with: record, picture: Samples.picture)
        else {
            Issue.record("a leased job could not be completed")
            return
        }
        let entry = try #require(try await store.job(jobs[0].id)).entry
        #expect(entry.state == .done && entry.inferenceID == id && entry.worker == "w1")
        #expect(try await store.complete(jobs[0], with: record, picture: Samples.picture) == .leaseLost)

        let second = Samples.inference(of: jobs[1])
        guard case .recorded(let before) = try await store.record(second, picture: Samples.picture) else { return }
        #expect(
            try await store.complete(jobs[1], with: second, picture: Samples.picture) == .done(.duplicate(before)))
        #expect(try await database.count("SELECT count(*) AS n FROM longview.jobs") == 0)
        #expect(try await Samples.reads(database).inferences(InferenceQuery()).count == 2)
        await store.close()
    }

    @Test("a record that can't be written leaves its job leased, and a refusal ends it")
    func completionFails() async throws {
        let (database, store) = try await Samples.queue(1)
        let job = try #require(try await store.take(1).first)
        var impossible = Samples.inference(of: job)
        impossible.risk = 2
        await #expect(throws: PostgresError.self) {
            try await store.complete(job, with: impossible, picture: Samples.picture)
        }
        #expect(try await store.job(job.id)?.entry.state == .leased)
        let refusal = RefusalRecord(
            object: ObjectRecord(sha256: job.objectSHA256, kind: .dicom, byteCount: 12),
            modelDigest: job.modelDigest, stage: .gate, code: "lateral_view", message: "a lateral view", gate: nil,
            longviewVersion: "0", host: "test")
        #expect(try await store.complete(job, with: refusal) == .refused)
        #expect(try await store.job(job.id)?.entry.code == "lateral_view")
        #expect(try await Samples.reads(database).refusals(InferenceQuery()).count == 1)
        await store.close()
    }

    @Test("whose lease passed to another can neither complete, fail, extend nor return the job")
    func fencing() async throws {
        let (database, store) = try await Samples.queue(1)
        let (old, new) = try await store.takeAndPassOn()
        #expect(new.id == old.id && new.token == old.token + 1 && new.attempts == 2)

        let record = Samples.inference(of: old)
        #expect(try await store.complete(old, with: record, picture: Samples.picture) == .leaseLost)
        #expect(try await store.fail(old, worker: "w1", code: "x", message: "x") == .leaseLost)
        #expect(try await store.extend([old], by: .seconds(60)).isEmpty)
        try await store.release([old], code: "x", message: "x")
        #expect(try await store.extend([new], by: .seconds(60)) == [new.id])
        #expect(try await database.count("SELECT count(*) AS n FROM longview.inferences") == 0)
        let attempts = try #require(try await store.job(old.id)).attempts
        #expect(attempts.map(\.outcome) == ["expired"])
        #expect(attempts.map(\.worker) == ["w1"])
        guard case .done = try await store.complete(new, with: record, picture: Samples.picture) else {
            Issue.record("the holder of the lease could not complete the job")
            return
        }
        await store.close()
    }

    @Test("a lease that ran out is good until another has the job")
    func lateCompletion() async throws {
        let (_, store) = try await Samples.queue(1)
        let job = try #require(try await store.take(1, lease: .milliseconds(1)).first)
        try await Task.sleep(for: .milliseconds(20))
        guard case .done = try await store.complete(job, with: Samples.inference(of: job), picture: Samples.picture)
        else {
            Issue.record("work that nobody else had begun was thrown away")
            return
        }
        await store.close()
    }

    @Test("attempts are spaced from 30 s, doubling to 10 minutes; after ten the job is dead, with every error kept")
    func backOff() async throws {
        let (database, store) = try await Samples.queue(1)
        var pauses: [Double] = []
        for attempt in 1...10 {
            let job = try #require(try await store.take(1).first)
            #expect(job.attempts == attempt && job.token == attempt)
            let now = try await store.now()
            switch try await store.fail(job, worker: "w1", code: "disk_error", message: "error \(attempt)") {
            case .retry(let due): pauses.append(due.duration(since: now) / .seconds(1))
            case .dead: #expect(attempt == 10)
            case .leaseLost: Issue.record("the lease was lost")
            }
            #expect(try await store.take(1).isEmpty)
            try await database.execute("UPDATE longview.jobs SET due_at = now() WHERE state = 'waiting'")
        }
        // From a moment before to a busy machine's moment after.
        let expected: [Double] = [30, 60, 120, 240, 480, 600, 600, 600, 600]
        #expect(pauses.count == expected.count)
        #expect(zip(pauses, expected).allSatisfy { $0 >= $1 - 0.1 && $0 < $1 + 25 }, "\(pauses)")
        let dead = try #require(try await store.jobs(in: .dead, limit: 5).first)
        #expect(dead.code == "disk_error" && dead.message == "error 10")
        let attempts = try #require(try await store.job(dead.id)).attempts
        #expect(attempts.map(\.message) == (1...10).map { "error \($0)" })

        #expect(try await store.retry(nil) == 1)
        let job = try #require(try await store.take(1).first)
        #expect(job.attempts == 1 && job.token == 11)
        await store.close()
    }

    @Test("a clock that is set back by an hour holds up neither what was due nor what a worker that is gone had")
    func clockSetBack() async throws {
        let (database, store) = try await Samples.queue(4)
        let failed = try #require(try await store.take(1).first)
        _ = try await store.fail(failed, worker: "w1", code: "disk_error", message: "error")
        let leased = try #require(try await store.take(1, lease: .seconds(60)).first)
        #expect(try await store.undoClockSetBack(in: Samples.source.folder) == 0)
        // What the queue looks like to a clock that is an hour behind the one by which it was filled.
        try await database.execute(
            """
            UPDATE longview.jobs SET due_at = due_at + interval '1 hour', leased_at = leased_at + interval '1 hour',
                leased_until = leased_until + interval '1 hour'
            """)
        #expect(try await store.take(10).isEmpty)
        #expect(try await store.undoClockSetBack(in: Samples.source.folder) == 4)
        #expect(try await store.take(10).count == 3)
        // The lease is as long as it was, and its holder still has it.
        let count = try await database.count(
            """
            SELECT count(*) AS n FROM longview.jobs
            WHERE token = 1 AND leased_at <= clock_timestamp()
              AND leased_until BETWEEN leased_at + interval '59 s' AND leased_at + interval '61 s'
            """)
        #expect(count == 3)
        #expect(try await store.extend([leased], by: .seconds(60)) == [leased.id])
        #expect(try await store.undoClockSetBack(in: Samples.source.folder) == 0)
        await store.close()
    }

    @Test("a job that ends its worker every time is dead at last")
    func poison() async throws {
        let (_, store) = try await Samples.queue(1)
        for _ in 0..<10 {
            #expect(try await store.take(1, lease: .milliseconds(1)).count == 1)
            try await Task.sleep(for: .milliseconds(5))
            #expect(try await store.expireLeases() == 1)
        }
        #expect(try await store.jobs(in: .dead, limit: 5).map(\.code) == ["lease_expired"])
        await store.close()
    }

    @Test("STAT jobs come first, and every third turn is a normal one's", arguments: [1, 4, 30])
    func fairness(batch: Int) async throws {
        let (_, store) = try await Samples.queue(10)
        for number in 100..<120 {
            _ = try await store.intake(Samples.object(number), from: Samples.source, priority: .stat)
        }
        var cursor = ClaimCursor()
        var order = ""
        while order.count < 30 {
            for job in try await store.claim(
                batch, .toDecode(in: Samples.source.folder), modelDigest: Samples.model.digest, worker: "w",
                lease: .seconds(60), cursor: &cursor)
            {
                order += job.priority == .stat ? "S" : "n"
            }
        }
        #expect(order == String(repeating: "SSn", count: 10))
        await store.close()
    }

    @Test("jobs given back may be taken at once, and the attempt does not count")
    func release() async throws {
        let (_, store) = try await Samples.queue(3)
        let jobs = try await store.take(3)
        try await store.release(jobs, code: "worker_stopped", message: "the worker was stopped")
        let again = try await store.take(3, worker: "w2")
        #expect(again.map(\.id) == jobs.map(\.id))
        #expect(again.allSatisfy { $0.attempts == 1 && $0.token == 2 })
        #expect(try await store.job(jobs[0].id)?.attempts.map(\.outcome) == ["returned"])
        await store.close()
    }

    @Test("a cancelled job is nobody's any more, and can be queued again by its object")
    func cancel() async throws {
        let (_, store) = try await Samples.queue(1)
        let job = try #require(try await store.take(1).first)
        #expect(try await store.cancel(job.id, reason: "wrong patient"))
        #expect(try await !store.cancel(job.id, reason: "again"))
        #expect(
            try await store.complete(job, with: Samples.inference(of: job), picture: Samples.picture) == .leaseLost)
        #expect(try await store.job(job.id)?.entry.code == "wrong patient")
        #expect(try await store.intake(Samples.object(0), from: Samples.source) == .duplicate)
        #expect(try await store.take(1).isEmpty)
        #expect(try await store.requeue(object: job.objectSHA256) == .queued(1))
        #expect(try await store.take(1).count == 1)
        await store.close()
    }

    @Test("bytes may go when all jobs of an object ended long enough ago, and not before")
    func retention() async throws {
        let (database, store) = try await Samples.queue(4)
        let jobs = try await store.take(3)
        _ = try await store.complete(jobs[0], with: Samples.inference(of: jobs[0]), picture: Samples.picture)
        _ = try await store.complete(jobs[1], with: Samples.inference(of: jobs[1]), picture: Samples.picture)
        #expect(try await store.cancel(jobs[2].id, reason: "test"))
        try await database.execute(
            "ALTER TABLE longview.finished_jobs DISABLE TRIGGER keep_rows")
        try await database.execute(
            """
            UPDATE longview.finished_jobs SET finished_at = now() - interval '31 days'
            WHERE id <> (SELECT max(id) FROM longview.finished_jobs WHERE state = 'done')
            """
        )
        let all = (0..<4).map { Samples.digest($0) } + [Samples.digest(99)]
        // The first was done long ago; the last was never taken in, so its sender was told that it failed.
        #expect(Set(try await store.disposable(all, afterDays: 30)) == [jobs[0].objectSHA256, Samples.digest(99)])
        await store.close()
    }

    @Test("the application can neither change nor remove what ended, what came in, and what failed")
    func protection() async throws {
        let (database, store) = try await Samples.queue(2)
        let jobs = try await store.take(2)
        _ = try await store.complete(jobs[0], with: Samples.inference(of: jobs[0]), picture: Samples.picture)
        _ = try await store.fail(jobs[1], worker: "w", code: "c", message: "m")
        for user in [PrivateCluster.workerRole, PrivateCluster.ownerRole] {
            let connection = try await database.connect(user: user)
            for change: SQL in [
                "DELETE FROM longview.finished_jobs", "UPDATE longview.finished_jobs SET reason = 'x'",
                "TRUNCATE longview.finished_jobs", "DELETE FROM longview.intakes",
                "UPDATE longview.intakes SET outcome = 'new'", "DELETE FROM longview.job_attempts",
                "UPDATE longview.job_attempts SET message = ''", "TRUNCATE longview.shadow_inferences",
                "TRUNCATE longview.shadow_refusals",
            ] {
                let error = await #expect(throws: PostgresError.self) { try await connection.execute(change) }
                #expect(error?.code == .permissionDenied)
            }
            await connection.close()
        }
        await store.close()
    }
}

extension Store {
    /// The database's time.
    fileprivate func now() async throws -> Timestamp {
        let skew = try await clockSkew()
        return Timestamp(microseconds: Int64((Date().timeIntervalSince1970 - skew) * 1e6))
    }
}
