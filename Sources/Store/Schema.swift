import Ledger
public import Postgres

/// The schema's migrations, built into the program.
public enum Schema {
    /// Brings a database to this program's schema, or says how far it is. Runs as the owner of the tables.
    public static let migrator: Migrator = {
        let migrations = [
            Migration(
                version: 1, name: "initial", sql: String(decoding: PackageResources._001_initial_sql, as: UTF8.self)),
            Migration(
                version: 2, name: "model_states",
                sql: String(decoding: PackageResources._002_model_states_sql, as: UTF8.self)),
            Migration(
                version: 3, name: "ledger", sql: String(decoding: PackageResources._003_ledger_sql, as: UTF8.self)),
            Migration(
                version: 4, name: "audited_reads",
                sql: String(decoding: PackageResources._004_audited_reads_sql, as: UTF8.self)),
            Migration(
                version: 5, name: "deliveries",
                sql: String(decoding: PackageResources._005_deliveries_sql, as: UTF8.self)),
            Migration(
                version: 6, name: "queue", sql: String(decoding: PackageResources._006_queue_sql, as: UTF8.self)),
            Migration(
                version: 7, name: "object_folders",
                sql: String(decoding: PackageResources._007_object_folders_sql, as: UTF8.self)),
            Migration(
                version: 8, name: "stages", sql: String(decoding: PackageResources._008_stages_sql, as: UTF8.self)),
        ]
        do {
            return try Migrator(migrations: migrations)
        } catch {
            // Only a mistake in the list above can lead here, and every test would.
            preconditionFailure("\(error)")
        }
    }()
}

extension Schema {
    /// Brings a database to this program's schema, and records each migration in the ledger.
    ///
    /// One that was run and not recorded (its process was cut off in between) is recorded with the next.
    /// - Returns: what was run.
    @discardableResult
    public static func migrate(on connection: PostgresConnection, recorder: Recorder) async throws -> [Migration] {
        let applied = try await migrator.migrate(on: connection)
        guard !applied.isEmpty else { return [] }
        try await connection.withTransaction { connection in
            try await connection.execute("SELECT pg_advisory_xact_lock(hashtext('longview.migration entries'))")
            let rows = try await connection.query(
                """
                SELECT m.version, m.name, encode(m.checksum, 'hex') AS sha256, m.applied_at AS created_at,
                       session_user::text AS login
                FROM public.longview_migrations m
                WHERE m.version NOT IN (
                    SELECT (convert_from(e.entry, 'UTF8')::jsonb -> 'body' ->> 'number')::int
                    FROM (SELECT entry FROM longview.ledger_entries
                          WHERE longview.ledger_terms(entry) @> ARRAY['type:migration']
                          UNION ALL SELECT entry FROM longview.ledger_inbox
                          WHERE longview.ledger_terms(entry) @> ARRAY['type:migration']) e)
                ORDER BY m.version
                """)
            for row in rows {
                let entry = MigrationEntry(
                    number: try row["version"], name: try row["name"], sha256: try MerkleHash(digest: row["sha256"]))
                try await recorder.append(
                    .migration(entry), role: "longview_owner", at: LedgerMoment(row), on: connection)
            }
        }
        return applied
    }
}
