/// Brings a database's schema up to date, one migration after another.
///
/// What was run is kept in the table `public.longview_migrations`, made with the first migration. Each migration runs
/// in a transaction of its own together with its row in that table. An advisory lock lets one process migrate at a
/// time; others wait and then find nothing left to do.
public struct Migrator: Sendable {
    private let migrations: [Migration]

    /// The key of the advisory lock: "LONGVIEW" in ASCII.
    private static let lockKey: Int64 = 0x4C4F_4E47_5649_4557

    /// A migration as the database records it.
    public struct Applied: Sendable, Hashable {
        /// Its place in the order, from 1.
        public let version: Int
        /// Its name, as `initial`.
        public let name: String
        /// SHA-256 of the SQL that was run.
        public let checksum: [UInt8]
        /// When its transaction began, by the database's clock.
        public let appliedAt: Timestamp
    }

    /// Where a database stands.
    public struct Status: Sendable {
        /// In order of their versions.
        public let applied: [Applied]
        /// What ``Migrator/migrate(on:)`` would run, in order.
        public let pending: [Migration]
        /// Why ``Migrator/migrate(on:)`` would refuse, if it would.
        public let problem: MigrationError?

        /// Whether the database has exactly the schema this program was built for.
        public var isCurrent: Bool { pending.isEmpty && problem == nil }
    }

    /// A migrator of `migrations`, given in any order.
    ///
    /// - Throws: ``MigrationError`` with the code `gap` where their versions don't count 1, 2, 3….
    public init(migrations: [Migration]) throws {
        self.migrations = migrations.sorted { $0.version < $1.version }
        for (index, migration) in self.migrations.enumerated() where migration.version != index + 1 {
            throw MigrationError(
                .gap,
                "migration \(migration.fileName) stands where version \(index + 1) is expected; number them 1, 2, 3…")
        }
    }

    /// Where the database stands. Changes nothing and needs only the right to read the table of migrations.
    public func status(on connection: PostgresConnection) async throws -> Status {
        let applied = try await Self.applied(on: connection)
        return Status(
            applied: applied,
            pending: migrations.filter { migration in applied.last?.version ?? 0 < migration.version },
            problem: problem(with: applied))
    }

    /// Runs what has not been run, and returns it.
    ///
    /// - Throws: ``MigrationError``, or ``PostgresError`` where the database can't be used. What was run before the
    ///   failing migration stands; the failing one leaves nothing behind.
    @discardableResult
    public func migrate(on connection: PostgresConnection) async throws -> [Migration] {
        // A time-out set for ordinary statements must end neither the wait for the lock nor a long migration.
        let timeout: String = try await connection.query("SELECT current_setting('statement_timeout') AS value")[0][
            "value"]
        try await connection.query("SELECT set_config('statement_timeout', '0', false)")
        var isLocked = false
        do {
            try await lock(connection)
            isLocked = true
            let status = try await status(on: connection)
            if let problem = status.problem { throw problem }
            for migration in status.pending { try await run(migration, on: connection) }
            try await release(connection, timeout: timeout, isLocked: true)
            return status.pending
        } catch {
            // In a task of its own, as this one may have been cancelled. If it fails the connection is gone, and the
            // lock with it; what matters is the first error.
            try? await Task { [isLocked] in
                try await release(connection, timeout: timeout, isLocked: isLocked)
            }.value
            throw error
        }
    }

    private func lock(_ connection: PostgresConnection) async throws {
        let isFree: Bool = try await connection.query(
            "SELECT pg_try_advisory_lock($1) AS taken", Self.lockKey)[0]["taken"]
        guard !isFree else { return }
        connection.logger.notice("another process is migrating the database; waiting for it to finish")
        try await connection.query("SELECT pg_advisory_lock($1)", Self.lockKey)
    }

    private func release(_ connection: PostgresConnection, timeout: String, isLocked: Bool) async throws {
        try await connection.query(
            "SELECT set_config('statement_timeout', $1, false), CASE WHEN $2 THEN pg_advisory_unlock($3) END",
            timeout, isLocked, Self.lockKey)
    }

    private static func applied(on connection: PostgresConnection) async throws -> [Applied] {
        let exists: Bool = try await connection.query(
            "SELECT to_regclass('public.longview_migrations') IS NOT NULL AS found")[0]["found"]
        guard exists else { return [] }
        return try await connection.query(
            "SELECT version, name, checksum, applied_at FROM public.longview_migrations ORDER BY version"
        ).map { row in
            try Applied(
                version: row["version"], name: row["name"], checksum: row["checksum"], appliedAt: row["applied_at"])
        }
    }

    private func problem(with applied: [Applied]) -> MigrationError? {
        for (index, entry) in applied.enumerated() {
            guard entry.version == index + 1 else {
                return MigrationError(
                    .gap,
                    "the database records migration \(entry.version) but not \(index + 1); "
                        + "its table longview_migrations was altered, restore it from a backup")
            }
            guard index < migrations.count else {
                return MigrationError(
                    .unknownMigration,
                    "the database has migration \(entry.version) (\(entry.name)), which this program does not know; "
                        + "it knows \(migrations.count). Use the newer program that migrated the database")
            }
            let migration = migrations[index]
            guard entry.checksum == migration.checksum, entry.name == migration.name else {
                return MigrationError(
                    .changedMigration,
                    "migration \(migration.fileName) differs from the one the database ran on \(entry.appliedAt) "
                        + "as \(entry.name); restore the file, and make changes in a new migration")
            }
        }
        return nil
    }
}
