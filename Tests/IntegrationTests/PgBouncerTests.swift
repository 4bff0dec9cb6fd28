import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Behind PgBouncer", .enabled(if: PgBouncer.isInstalled, "needs Debian's pgbouncer, which scripts/test installs"))
struct PgBouncerTests {
    /// Sessions with the database, fewer than `serve` has connections.
    private static let sessions = 4

    @Test(
        "in transaction mode all is received, scored and recorded in four sessions, and serve ends in order",
        arguments: [PrivateCluster.workerRole, "hospital_login"])
    func serves(login: String) async throws {
        let site = try await DrillSite([.server])
        if login != PrivateCluster.workerRole {
            // Each of its sessions begins as the role.
            _ = try await site.query("CREATE ROLE hospital_login LOGIN IN ROLE longview_worker")
            _ = try await site.query("ALTER ROLE hospital_login SET role = 'longview_worker'")
        }
        let network = try await site.networkToDatabase(as: login)
        defer { network.close() }
        let bouncer = try PgBouncer(site.longview, to: network.port, login: login, sessions: Self.sessions)
        site.environment["DATABASE_URL"] = bouncer.url
        try await site.start()

        let count = 48
        let paths = try (0..<count).map { try site.longview.write("in/\($0).dcm", try SmallRadiograph.file($0)) }
        // Several at once, so that more is asked of the database than there are sessions.
        let (longview, port) = (site.longview, site.network.port)
        try await withThrowingTaskGroup(of: Set<String>.self) { group in
            for first in 0..<8 {
                let own = stride(from: first, to: count, by: 8).map { paths[$0] }
                group.addTask { try await longview.send(own, to: port).acknowledged }
            }
            let acknowledged = try await group.reduce(into: Set<String>()) { $0.formUnion($1) }
            #expect(acknowledged == Set(paths), "\(site.words) \(bouncer.words)")
        }
        var most = 0
        try await longview.wait("not all was scored: \(site.words) \(bouncer.words)") {
            let sessions = try await site.query(
                "SELECT count(*) AS sessions FROM pg_stat_activity WHERE client_addr IS NOT NULL")
            most = max(most, try sessions[0]["sessions"])
            return try await longview.queueLength() == 0
        }
        #expect((2...Self.sessions).contains(most), "\(most) sessions")
        try await site.end()
        try await longview.checkRecords(count)
        let rows = try await site.query(
            """
            SELECT (SELECT count(*) FROM longview.inferences) AS inferences,
                   (SELECT count(DISTINCT object_sha256) FROM longview.inferences) AS scored,
                   (SELECT count(*) FROM longview.jobs) AS left_over
            """)
        #expect(try rows[0]["inferences"] == count)
        #expect(try rows[0]["scored"] == count)
        #expect(try rows[0]["left_over"] == 0)
        _ = try await longview.run("db", "stop")
    }
}
