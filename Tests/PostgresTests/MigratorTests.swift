import Foundation
import Postgres
import TestSupport
import Testing

@Suite("The migrator")
struct MigratorTests {
    private static let first = Migration(
        version: 1, name: "initial", sql: "CREATE TABLE a (n int);\nCREATE TABLE b (n int);")
    private static let second = Migration(version: 2, name: "more", sql: "INSERT INTO a VALUES (1); -- ü\n")

    private func tables(_ connection: PostgresConnection) async throws -> [String] {
        try await connection.query(
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).map { try $0["name"] }
    }

    @Test("migrations are run once, in order, and recorded")
    func run() async throws {
        let connection = try await TestDatabase.create().connect()
        var migrator = try Migrator(migrations: [Self.first])
        let before = try await migrator.status(on: connection)
        #expect(before.applied.isEmpty && before.pending == [Self.first] && !before.isCurrent)
        #expect(try await tables(connection).isEmpty)

        #expect(try await migrator.migrate(on: connection) == [Self.first])
        #expect(try await migrator.migrate(on: connection).isEmpty)
        migrator = try Migrator(migrations: [Self.second, Self.first])
        #expect(try await migrator.status(on: connection).pending == [Self.second])
        #expect(try await migrator.migrate(on: connection) == [Self.second])

        let after = try await migrator.status(on: connection)
        #expect(after.isCurrent)
        #expect(after.applied.map(\.version) == [1, 2])
        #expect(after.applied.map(\.checksum) == [Self.first.checksum, Self.second.checksum])
        #expect(try await connection.query("SELECT count(*) AS n FROM a")[0]["n"] == 1)
        let locks = try await connection.query(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        #expect(locks.isEmpty)
    }

    @Test("a role without rights can see where the schema stands")
    func statusAsWorker() async throws {
        let database = try await TestDatabase.create()
        let migrator = try Migrator(migrations: [Self.first])
        let worker = try await database.connect(user: PrivateCluster.workerRole)
        #expect(try await migrator.status(on: worker).pending.count == 1)
        try await migrator.migrate(on: database.connect())
        #expect(try await migrator.status(on: worker).isCurrent)
        #expect(try await migrator.migrate(on: worker).isEmpty)
        let error = await #expect(throws: PostgresError.self) {
            try await worker.execute("DELETE FROM public.longview_migrations")
        }
        #expect(error?.code == .permissionDenied)
    }

    @Test("a failing migration leaves nothing behind and is named with its line and column; those before it stand")
    func failing() async throws {
        let connection = try await TestDatabase.create().connect()
        let broken = Migration(
            version: 2, name: "broken",
            sql: "CREATE TABLE c (n int);\n-- ü\nSELECT n,\n  missing FROM c;\nCREATE TABLE d (n int);")
        let migrator = try Migrator(migrations: [Self.first, broken])
        let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(on: connection) }
        #expect(error?.code == .failed)
        #expect(error?.message.contains("0002_broken.sql failed at line 4, column 3") == true)
        #expect(try await tables(connection) == ["a", "b", "longview_migrations"])
        #expect(try await migrator.status(on: connection).applied.map(\.version) == [1])

        // An error with no position is placed by its statement.
        let dividing = Migration(
            version: 2, name: "dividing", sql: "CREATE TABLE c (n int); SELECT 1 / count(*) FROM c;")
        let second = await #expect(throws: MigrationError.self) {
            try await Migrator(migrations: [Self.first, dividing]).migrate(on: connection)
        }
        #expect(second?.message.contains("in statement 2") == true)

        // Mended, it runs.
        try await Migrator(migrations: [Self.first, Self.second]).migrate(on: connection)
    }

    @Test("the first migration failing leaves not even the table of migrations")
    func failingFirst() async throws {
        let connection = try await TestDatabase.create().connect()
        let migrator = try Migrator(migrations: [
            Migration(version: 1, name: "broken", sql: "CREATE TABLE a (n int); nonsense")
        ])
        await #expect(throws: MigrationError.self) { try await migrator.migrate(on: connection) }
        #expect(try await tables(connection).isEmpty)
    }

    @Test("a migration that was altered after it ran is refused")
    func changed() async throws {
        let connection = try await TestDatabase.create().connect()
        try await Migrator(migrations: [Self.first]).migrate(on: connection)
        let altered = Migration(version: 1, name: "initial", sql: Self.first.sql + " ")
        let migrator = try Migrator(migrations: [altered, Self.second])
        let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(on: connection) }
        #expect(error?.code == .changedMigration)
        #expect(error?.message.contains("0001_initial.sql") == true)
        #expect(try await migrator.status(on: connection).problem?.code == .changedMigration)
        #expect(try await connection.query("SELECT * FROM a").isEmpty)
    }

    @Test("a database of a newer program is refused")
    func newer() async throws {
        let connection = try await TestDatabase.create().connect()
        try await Migrator(migrations: [Self.first, Self.second]).migrate(on: connection)
        let error = await #expect(throws: MigrationError.self) {
            try await Migrator(migrations: [Self.first]).migrate(on: connection)
        }
        #expect(error?.code == .unknownMigration)
    }

    @Test("gaps are refused, in the program and in the database")
    func gaps() async throws {
        #expect(throws: MigrationError.self) { try Migrator(migrations: [Self.second]) }
        #expect(throws: MigrationError.self) { try Migrator(migrations: [Self.first, Self.first]) }
        let connection = try await TestDatabase.create().connect()
        let migrator = try Migrator(migrations: [Self.first, Self.second])
        try await migrator.migrate(on: connection)
        try await connection.execute("DELETE FROM longview_migrations WHERE version = 1")
        let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(on: connection) }
        #expect(error?.code == .gap)
    }

    @Test(
        "a migration that ends its transaction is refused",
        arguments: [
            "CREATE TABLE x (n int); COMMIT; BEGIN; CREATE TABLE y (n int);", "COMMIT; SELECT 1 / 0;", "ROLLBACK;",
        ])
    func endsTransaction(sql: String) async throws {
        let connection = try await TestDatabase.create().connect()
        try await Migrator(migrations: [Self.first]).migrate(on: connection)
        let migrator = try Migrator(migrations: [Self.first, Migration(version: 2, name: "ends", sql: sql)])
        let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(on: connection) }
        #expect(error?.code == .endedTransaction)
        #expect(try await migrator.status(on: connection).applied.count == 1)
    }

    @Test("several that migrate at once run each migration once")
    func concurrent() async throws {
        let database = try await TestDatabase.create()
        let slow = Migration(version: 2, name: "slow", sql: "SELECT pg_sleep(0.2); INSERT INTO a VALUES (1);")
        let migrator = try Migrator(migrations: [Self.first, slow])
        let runs = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    // A time-out for ordinary statements ends neither the wait nor the migration.
                    var configuration = try database.configuration()
                    configuration.statementTimeout = .milliseconds(150)
                    let connection = try await PostgresConnection.connect(configuration, logger: TestLog.silent)
                    let count = try await migrator.migrate(on: connection).count
                    let timeout: String = try await connection.query("SHOW statement_timeout")[0]["statement_timeout"]
                    #expect(timeout == "150ms")
                    return count
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        #expect(runs == [0, 0, 0, 2])
    }

    @Test("files are named like 0001_initial.sql and hold UTF-8")
    func files() throws {
        let migration = try Migration(fileName: "0012_add_index.sql", contents: Array("SELECT 1".utf8))
        #expect(migration.version == 12 && migration.name == "add_index" && migration.fileName == "0012_add_index.sql")
        // SHA-256 of "SELECT 1", as sha256sum prints it.
        #expect(migration.checksum.prefix(4) == [0xE0, 0x04, 0xEB, 0xD5])
        for name in ["1_a.sql", "0001.sql", "0001_A.sql", "0001_a.sql.bak", "x0001_a.sql"] {
            #expect(throws: MigrationError.self) { try Migration(fileName: name, contents: []) }
        }
        #expect(throws: MigrationError.self) { try Migration(fileName: "0001_a.sql", contents: [0xFF]) }
    }
}
