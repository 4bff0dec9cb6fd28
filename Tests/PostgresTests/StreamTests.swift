import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Streams of rows")
struct StreamTests {
    @Test("every row arrives once and in order, and the connection is free afterwards")
    func complete() async throws {
        let connection = try await TestDatabase.create().connect()
        for count in [0, 1, 255, 256, 257, 5000] {
            var next = 1
            try await connection.forEachRow("SELECT n FROM generate_series(1, $1::int) AS n", Int32(count)) { row in
                let n: Int = try row["n"]
                #expect(n == next)
                next += 1
            }
            #expect(next == count + 1)
        }
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
    }

    @Test("800 megabytes of rows pass in memory that does not grow with them")
    func memory() async throws {
        let url = try await TestDatabase.create().url()
        // In a process of its own: other tests' memory is not to be counted.
        await #expect(processExitsWith: .success) { [url = url as String] in
            try await PostgresConnection.with(PostgresConfiguration(url: url), logger: TestLog.silent) { connection in
                let before = try residentBytes()
                var bytes = 0
                let rows: SQL = "SELECT repeat('x', 4000) AS text FROM generate_series(1, 200000)"
                try await connection.forEachRow(rows) { row in
                    bytes += try row.decode("text", as: String.self).utf8.count
                }
                #expect(bytes == 800_000_000)
                #expect(try residentBytes() - before < 50_000_000)
            }
        }
    }

    @Test("a body that throws ends the statement at once")
    func abandoned() async throws {
        struct Enough: Error {}
        let connection = try await TestDatabase.create().connect()
        let start = ContinuousClock.now
        await #expect(throws: Enough.self) {
            try await connection.forEachRow("SELECT n, pg_sleep(0.01) FROM generate_series(1, 200000) AS n") { _ in
                throw Enough()
            }
        }
        // Read to its end it would take a thousand seconds.
        #expect(ContinuousClock.now - start < .seconds(500))
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
    }

    @Test("an error in mid-stream is thrown, and another statement meanwhile is refused")
    func failing() async throws {
        let connection = try await TestDatabase.create().connect()
        var seen = 0
        var meanwhile: PostgresError?
        do {
            try await connection.forEachRow("SELECT 1 / (1000 - n) AS q FROM generate_series(1, 2000) AS n") { _ in
                seen += 1
                guard seen == 1 else { return }
                do { try await connection.query("SELECT 1") } catch let error as PostgresError { meanwhile = error }
            }
            Issue.record("the stream ended without an error")
        } catch let error as PostgresError {
            #expect(error.sqlState == "22012")
        }
        #expect(seen >= 256)
        #expect(meanwhile?.code == .connectionInUse)
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
    }

    @Test("a cancelled task's stream ends")
    func cancelled() async throws {
        let connection = try await TestDatabase.create().connect()
        let task = Task {
            try await connection.forEachRow("SELECT pg_sleep(0.1) FROM generate_series(1, 1000)") { _ in }
        }
        try await Task.sleep(for: .milliseconds(150))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
    }
}

private func residentBytes() throws -> Int {
    // Second field of statm: resident pages (proc(5)).
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return try #require(Int(fields[1])) * sysconf(Int32(_SC_PAGESIZE))
}
