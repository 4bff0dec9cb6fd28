public import Postgres

/// A role that Longview's rights hang on, and who has it.
public struct DatabaseRole: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Whether this call made it.
    public var isNew: Bool
    /// The logins that have it, by themselves or through another role.
    public var members: [String]

    /// Makes the roles that are missing, and tells who has each. Runs as somebody who may make roles, where one is
    /// missing; roles are of the whole server, and hold rights in a database once it is migrated.
    ///
    /// The role of the owner is whoever runs the migrations, so it is not made here.
    public static func prepare(on connection: PostgresConnection) async throws -> [DatabaseRole] {
        let missing: [String] = try await connection.query(
            """
            SELECT n.name FROM unnest(ARRAY['longview_worker', 'longview_clinician', 'longview_auditor']) AS n (name)
            WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = n.name)
            """
        ).map { try $0["name"] }
        for name in missing {
            switch name {
            case "longview_worker": try await connection.execute("CREATE ROLE longview_worker NOLOGIN")
            case "longview_clinician": try await connection.execute("CREATE ROLE longview_clinician NOLOGIN")
            default: try await connection.execute("CREATE ROLE longview_auditor NOLOGIN")
            }
        }
        return try await connection.query(
            """
            SELECT r.rolname::text AS name,
                   coalesce(array_agg(l.rolname::text ORDER BY l.rolname) FILTER (WHERE l.rolname IS NOT NULL), '{}')
                       AS members
            FROM pg_roles r
            LEFT JOIN pg_roles l ON l.rolcanlogin AND NOT l.rolsuper AND pg_has_role(l.oid, r.oid, 'MEMBER')
            WHERE r.rolname IN ('longview_worker', 'longview_clinician', 'longview_auditor')
            GROUP BY r.rolname ORDER BY r.rolname
            """
        ).map { row in
            let name: String = try row["name"]
            return DatabaseRole(name: name, isNew: missing.contains(name), members: try row["members"])
        }
    }
}
