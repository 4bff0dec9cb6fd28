import Foundation
import Postgres

/// One thing that protects the records, and whether it holds on this database.
public struct ProtectionFinding: Sendable {
    /// False where `text` tells of something to mend.
    public var holds: Bool
    /// What holds; or what doesn't, and how to mend it.
    public var text: String
}

extension Store {
    /// The tables whose rows are only ever added: each has a trigger against change and one against emptying.
    static let keptTables = [
        "models", "model_states", "inferences", "refusals", "ledger_entries", "ledger_tiles", "ledger_checkpoints",
        "ledger_alarms", "reads", "erasures", "shadow_inferences", "shadow_refusals", "intakes", "job_attempts",
        "finished_jobs",
    ]

    /// Looks at rights and triggers as they are now.
    public func protectionFindings() async throws -> [ProtectionFinding] {
        try await pool.withConnection { connection in
            let rights = try await connection.query(
                """
                SELECT c.relname AS name, r.privilege
                FROM pg_class c CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS r (privilege)
                WHERE c.relnamespace = 'longview'::regnamespace AND c.relname = ANY ($1)
                  AND has_table_privilege(current_user, c.oid, r.privilege)
                ORDER BY 1, 2
                """, Self.keptTables)
            let idle = try await connection.query(
                """
                SELECT c.relname AS name, t.tgname AS trigger
                FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                WHERE c.relnamespace = 'longview'::regnamespace AND t.tgname IN ('keep_rows', 'keep_table')
                  AND t.tgenabled <> 'A'
                ORDER BY 1, 2
                """)
            let count: Int = try await connection.query(
                """
                SELECT count(*) AS count FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                WHERE c.relnamespace = 'longview'::regnamespace AND t.tgname IN ('keep_rows', 'keep_table')
                """)[0]["count"]
            var findings: [ProtectionFinding] = []
            if rights.isEmpty {
                findings.append(.init(holds: true, text: "the application can't change or remove a record"))
            }
            for row in rights {
                let (name, privilege): (String, String) = (try row["name"], try row["privilege"])
                findings.append(
                    .init(
                        holds: false,
                        text: "the application may \(privilege) longview.\(name): "
                            + "REVOKE \(privilege) ON longview.\(name) FROM \(Self.workerRole), and let it not be the owner"
                    ))
            }
            for row in idle {
                let (name, trigger): (String, String) = (try row["name"], try row["trigger"])
                findings.append(
                    .init(
                        holds: false,
                        text: "the trigger \(trigger) of longview.\(name) is not always on: find out who changed it, "
                            + "then ALTER TABLE longview.\(name) ENABLE ALWAYS TRIGGER \(trigger)"))
            }
            let expected = Self.keptTables.count * 2
            if count != expected {
                findings.append(
                    .init(
                        holds: false, text: "\(expected - count) of the \(expected) triggers that keep records are gone"
                    ))
            } else if idle.isEmpty {
                findings.append(.init(holds: true, text: "triggers refuse every change to a record"))
            }
            findings += try await Self.readerFindings(on: connection)
            return findings
        }
    }

    /// Whether readers have nothing but the functions they ask by, and PUBLIC nothing.
    private static func readerFindings(on connection: PostgresConnection) async throws -> [ProtectionFinding] {
        let open = try await connection.query(
            """
            SELECT r.rolname::text AS role, c.relname::text AS name, p.privilege
            FROM pg_class c
            CROSS JOIN (SELECT rolname FROM pg_roles WHERE rolname IN ('longview_clinician', 'longview_auditor')
                        UNION ALL SELECT 'public') r
            CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p (privilege)
            WHERE c.relnamespace = 'longview'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
              AND NOT (c.relname = 'ledger_status' AND p.privilege = 'SELECT')
              AND has_table_privilege(r.rolname, c.oid, p.privilege)
            ORDER BY 1, 2, 3
            """)
        let functions = try await connection.query(
            """
            SELECT p.oid::regprocedure::text AS name,
                   CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN 'may be called by everybody'
                        ELSE 'runs as its owner without a search_path of its own' END AS fault
            FROM pg_proc p WHERE p.pronamespace = 'longview'::regnamespace
              AND (has_function_privilege('public', p.oid, 'EXECUTE')
                   OR p.prosecdef AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false))
            ORDER BY 1
            """)
        guard !open.isEmpty || !functions.isEmpty else {
            return [.init(holds: true, text: "clinicians and auditors read by recorded questions alone")]
        }
        return try open.map { row in
            let (role, name, privilege): (String, String, String) = (
                try row["role"], try row["name"], try row["privilege"]
            )
            return .init(
                holds: false,
                text: "\(role) may \(privilege) longview.\(name): REVOKE \(privilege) ON longview.\(name) FROM \(role)")
        }
            + functions.map { row in
                let (name, fault): (String, String) = (try row["name"], try row["fault"])
                return .init(holds: false, text: "the function \(name) \(fault): find out who changed it")
            }
    }

    /// Seconds by which this machine's clock is ahead of the database's; half the round trip is not told apart.
    public func clockSkew() async throws -> Double {
        try await pool.withConnection { connection in
            let before = Date().timeIntervalSince1970
            let rows = try await connection.query("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
            let after = Date().timeIntervalSince1970
            let now: Double = try rows[0]["now"]
            return (before + after) / 2 - now
        }
    }
}
