import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("The pool")
struct PoolTests {
    @Test("fifty tasks share four connections, each has one to itself, and all are served in the order they came")
    func fairness() async throws {
        let database = try await TestDatabase.create()
        let pool = PostgresPool(try database.configuration(), maximum: 4, logger: TestLog.silent)
        let lent = Locked((now: Set<Int32>(), ever: Set<Int32>()))
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<50 {
                group.addTask {
                    try await pool.withConnection { connection in
                        let process = try await connection.backendProcess
                        lent.withLock {
                            #expect($0.now.insert(process).inserted)
                            #expect($0.now.count <= 4)
                            $0.ever.insert(process)
                        }
                        let answer: Int = try await connection.query(
                            "SELECT $1 + 0 * length(pg_sleep(0.01)::text) AS n", task)[0]["n"]
                        #expect(answer == task)
                        lent.withLock { _ = $0.now.remove(process) }
                        return answer
                    }
                }
            }
            var answers: Set<Int> = []
            for try await answer in group { answers.insert(answer) }
            #expect(answers.count == 50)
        }
        #expect(lent.withLock { $0.ever.count } <= 4)

        // One connection, held; tasks queue up one after another and must come out in that order.
        let single = PostgresPool(try database.configuration(), maximum: 1, logger: TestLog.silent)
        let order = Locked([Int]())
        let tasks = try await single.withConnection { _ in
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<10 {
                tasks.append(
                    Task { try await single.withConnection { _ in order.withLock { $0.append(number) } } })
                while await single.waiting < number + 1 { await Task.yield() }
            }
            return tasks
        }
        for task in tasks { try await task.value }
        #expect(order.withLock { $0 } == Array(0..<10))
        await pool.close()
        await single.close()
    }

    @Test("a task that is cancelled while it waits leaves the queue, and others are served")
    func cancelledWaiter() async throws {
        let pool = PostgresPool(try await TestDatabase.create().configuration(), maximum: 1, logger: TestLog.silent)
        try await pool.withConnection { _ in
            let waiter = Task { try await pool.withConnection { _ in } }
            while await pool.waiting < 1 { await Task.yield() }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            #expect(await pool.waiting == 0)
        }
        #expect(try await pool.withConnection { try await $0.query("SELECT 1 AS one")[0]["one"] } == 1)
        await pool.close()
    }

    @Test("dead connections are replaced, whether they died idle or at work")
    func replacement() async throws {
        let database = try await TestDatabase.create()
        let administrator = try await database.connect()
        let pool = PostgresPool(try database.configuration(), maximum: 2, logger: TestLog.silent)
        let idle = try await pool.withConnection { try await $0.backendProcess }
        try await administrator.query("SELECT pg_terminate_backend($1, 5000)", idle)
        let second = try await pool.withConnection { connection in
            try await connection.query("SELECT 1")
            return try await connection.backendProcess
        }
        #expect(second != idle)

        let error = await #expect(throws: PostgresError.self) {
            try await pool.withConnection { connection in
                try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
            }
        }
        #expect(error?.code == .connectionLost)
        #expect(try await pool.withConnection { try await $0.query("SELECT 1 AS one")[0]["one"] } == 1)
        await pool.close()
    }

    @Test("a server that is killed and started again is used again")
    func restartedServer() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        let pool = PostgresPool(try await cluster.start(), maximum: 3, logger: TestLog.silent)
        let running = Task {
            try await pool.withConnection { _ = try await $0.query("SELECT pg_sleep(60)") }
        }
        try await pool.withConnection { _ = try await $0.query("SELECT 1") }
        try await Task.sleep(for: .milliseconds(100))
        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        kill(process, SIGKILL)
        let lost = await #expect(throws: PostgresError.self) { try await running.value }
        #expect(lost?.code == .connectionLost)
        while cluster.status() != .stopped { try await Task.sleep(for: .milliseconds(10)) }
        let down = await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
        #expect(down?.code == .connectionFailed)
        #expect(down?.isRetryable == true)

        try await cluster.start()
        // More than the pool's size: the failures above must not have used up places.
        for _ in 0..<4 {
            #expect(try await pool.withConnection { try await $0.query("SELECT 1 AS one")[0]["one"] } == 1)
        }
        await pool.close()
        try await cluster.stop()
    }

    @Test("a transaction left open by hand is rolled back before the next user")
    func leftOpen() async throws {
        let database = try await TestDatabase.create()
        let log = RecordedLog()
        let pool = PostgresPool(try database.configuration(), maximum: 1, logger: log.logger)
        try await pool.withConnection { connection in
            try await connection.execute("CREATE TABLE t (n int)")
            try await connection.execute("BEGIN")
            try await connection.execute("INSERT INTO t VALUES (1)")
        }
        #expect(try await pool.withConnection { try await $0.query("SELECT * FROM t").count } == 0)
        #expect(log.entries.contains { $0.hasPrefix("warning") })
        await pool.close()
    }

    @Test("closing waits for what is lent, and refuses what comes later")
    func closing() async throws {
        let database = try await TestDatabase.create()
        let pool = PostgresPool(try database.configuration(), maximum: 1, logger: TestLog.silent)
        let finished = Locked(false)
        let user = Task {
            try await pool.withTransaction { connection in
                try await connection.query("SELECT pg_sleep(0.3)")
                finished.withLock { $0 = true }
            }
        }
        try await Task.sleep(for: .milliseconds(100))
        let waiter = Task { try await pool.withConnection { _ in } }
        while await pool.waiting < 1 { await Task.yield() }
        await pool.close()
        #expect(finished.withLock { $0 })
        try await user.value
        for attempt in [waiter, Task { try await pool.withConnection { _ in } }] {
            let error = await #expect(throws: PostgresError.self) { try await attempt.value }
            #expect(error?.code == .connectionClosed)
        }
        await pool.close()
    }
}

/// A value behind a lock that several tasks hold.
private final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try value.withLock { value in try body(&value) }
    }
}
