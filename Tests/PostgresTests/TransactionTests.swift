import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Transactions")
struct TransactionTests {
    private struct Refusal: Error {}

    private func table() async throws -> (TestDatabase, PostgresConnection) {
        let database = try await TestDatabase.create()
        let connection = try await database.connect()
        try await connection.execute("CREATE TABLE t (n int PRIMARY KEY)")
        return (database, connection)
    }

    private func count(_ connection: PostgresConnection) async throws -> Int {
        try await connection.query("SELECT count(*) AS n FROM t")[0]["n"]
    }

    @Test("it is committed when its body returns and rolled back when it throws")
    func commitAndRollback() async throws {
        let (database, connection) = try await table()
        let answer = try await connection.withTransaction { connection in
            try await connection.execute("INSERT INTO t VALUES (1)")
            return 42
        }
        #expect(answer == 42)
        await #expect(throws: Refusal.self) {
            try await connection.withTransaction { connection in
                try await connection.execute("INSERT INTO t VALUES (2)")
                throw Refusal()
            }
        }
        await #expect(throws: PostgresError.self) {
            try await connection.withTransaction { connection in
                try await connection.execute("INSERT INTO t VALUES (3)")
                try await connection.execute("INSERT INTO t VALUES (3)")
            }
        }
        #expect(try await count(connection) == 1)
        #expect(try await count(database.connect()) == 1)
    }

    @Test("a body that goes on after a failed statement does not pass for committed")
    func swallowedError() async throws {
        let (_, connection) = try await table()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.withTransaction { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                _ = try? await connection.query("SELECT 1 / 0")
            }
        }
        #expect(error?.code == .transactionAborted)
        #expect(try await count(connection) == 0)
    }

    @Test("a constraint that is checked at COMMIT is reported as such")
    func deferredConstraint() async throws {
        let (_, connection) = try await table()
        try await connection.execute("CREATE TABLE c (n int REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
        let error = await #expect(throws: PostgresError.self) {
            try await connection.withTransaction { try await $0.execute("INSERT INTO c VALUES (7)") }
        }
        #expect(error?.code == .foreignKeyViolation)
        #expect(try await connection.query("SELECT * FROM c").isEmpty)
    }

    @Test("another task is refused while one is open, and a second one does not nest")
    func exclusive() async throws {
        let (_, connection) = try await table()
        try await connection.withTransaction { connection in
            let outsider = Task.detached { _ = try await connection.query("SELECT 1") }
            let error = await #expect(throws: PostgresError.self) { try await outsider.value }
            #expect(error?.code == .connectionInUse)
            let nested = await #expect(throws: PostgresError.self) {
                try await connection.withTransaction { try await $0.execute("SELECT 1") }
            }
            #expect(nested?.code == .connectionInUse)
            try await connection.execute("INSERT INTO t VALUES (1)")
        }
        #expect(try await count(connection) == 1)
    }

    @Test("a cancelled one is rolled back and the connection stays usable")
    func cancelled() async throws {
        let (_, connection) = try await table()
        let task = Task {
            try await connection.withTransaction { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                try await connection.query("SELECT pg_sleep(60)")
            }
        }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await count(connection) == 0)
    }

    @Test("serializable transactions that conflict fail as retryable")
    func serializable() async throws {
        let (database, first) = try await table()
        let second = try await database.connect()
        let error = await #expect(throws: PostgresError.self) {
            try await first.withTransaction(isolation: .serializable) { first in
                let before = try await count(first)
                try await second.withTransaction(isolation: .serializable) { second in
                    let before = try await count(second)
                    try await second.execute("INSERT INTO t VALUES ($1)", 100 + before)
                }
                try await first.execute("INSERT INTO t VALUES ($1)", 200 + before)
            }
        }
        #expect(error?.code == .serializationFailure)
        #expect(error?.isRetryable == true)
    }

    @Test("a connection that dies within its transaction commits nothing, and one that dies in COMMIT leaves it open")
    func lostConnection() async throws {
        let (database, connection) = try await table()
        let other = try await database.connect()
        let lost = await #expect(throws: PostgresError.self) {
            try await connection.withTransaction { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                try await other.query("SELECT pg_terminate_backend($1, 5000)", connection.backendProcess)
            }
        }
        #expect(lost?.code == .connectionLost)
        #expect(try await count(other) == 0)

        // COMMIT runs a deferred trigger that takes its time; meanwhile the session is ended.
        try await other.execute(
            """
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$
            """)
        try await other.execute(
            """
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slow()
            """)
        let committing = try await database.connect()
        let process = try await committing.backendProcess
        let task = Task {
            try await committing.withTransaction { _ = try await $0.execute("INSERT INTO t VALUES (2)") }
        }
        while try await other.query(
            "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query = 'COMMIT' AND state = 'active'", process
        ).isEmpty {
            try await Task.sleep(for: .milliseconds(10))
        }
        try await other.query("SELECT pg_terminate_backend($1)", process)
        let unknown = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(unknown?.code == .unknownCommitOutcome)
        #expect(unknown?.isRetryable == false)
    }
}
