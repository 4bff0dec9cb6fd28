import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// One `serve` under mixed traffic; afterwards every object that was acknowledged has exactly one record or refusal,
/// the ledger verifies, and memory, descriptors and latency were flat.
final class Soak {
    private let longview: Installation
    private let server: Installation.Running
    private let traffic: SoakTraffic
    private let seconds: Double
    /// Before the first sender.
    private let atRest: SoakSample
    private var samples: [SoakSample] = []

    init(seconds: Double) async throws {
        self.seconds = seconds
        let longview = try await Installation.ready(privateCluster: true, active: true)
        let token = String(repeating: "s0ak", count: 8)
        let tokens = try longview.write("tokens", Array("ris \(token)\n".utf8))
        chmod(tokens, 0o600)
        let (server, port) = try await ServeTests.serve(longview, "--tokens", tokens)
        let http = try await longview.listeningPort(of: server, after: "HTTP on port ")
        atRest = try SoakSample(of: server.processIdentifier, at: 0)
        // All that a server needs more of when it is busy is there before anything is measured: batches, connections.
        let crowd = (0..<60).map { SoakTally.Kind.crowd.number($0) }
        let paths = try crowd.map { try longview.write("crowd/\($0).dcm", try SmallRadiograph.file($0)) }
        let sent = try await longview.send(paths, to: port)
        #expect(sent.acknowledged.count == crowd.count)
        try await longview.wait("the first ones were not scored: \(server.errors.suffix(4000))") {
            try await longview.queueLength() == 0
        }
        self.longview = longview
        self.server = server
        traffic = SoakTraffic(folder: longview.folder, port: port, http: http, token: token, seconds: seconds)
        for index in crowd.indices {
            traffic.tally.sending(.crowd, index)
            traffic.tally.acknowledged(.crowd, index)
        }
    }

    /// All senders at once, and a look at the server at regular times.
    func run() async throws {
        let traffic = traffic
        async let sending: Void = traffic.run()
        while !traffic.isOver {
            try #require(server.isRunning, "\(server.errors.suffix(4000))")
            samples.append(
                try SoakSample(of: server.processIdentifier, at: (ContinuousClock.now - traffic.start) / .seconds(1)))
            try await Task.sleep(for: .seconds(max(1, seconds / 360)))
        }
        try await sending
    }

    func finish() async throws {
        try await longview.wait("not all was scored: \(server.errors.suffix(4000))") {
            try await longview.queueLength() == 0
        }
        // Senders have gone; the pool of database connections may have grown.
        var descriptors = 0
        try await longview.wait("\(atRest.descriptors) descriptors at rest, and then \(descriptors)") {
            descriptors = try SoakSample(of: server.processIdentifier, at: 0).descriptors
            return descriptors <= atRest.descriptors + 16
        }
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors.suffix(4000))")
        try await longview.checkLedger()
        let database = try await PostgresConfiguration(url: longview.databaseURL())
        let waits = try await PostgresConnection.with(database, logger: TestLog.silent) {
            try await check($0)
            return try await Self.waits($0)
        }
        SoakReport(seconds: seconds, samples: samples, counts: traffic.tally.now, waits: waits).judge()
        _ = try await longview.run("db", "stop")
    }

    /// Holds the records against what senders were told.
    private func check(_ connection: PostgresConnection) async throws {
        let counts = traffic.tally.now
        // A malformed association may by chance still be a good one.
        let meant: SQL = """
            JOIN longview.objects o ON o.sha256 = object_sha256
            WHERE EXISTS (SELECT FROM longview.intakes i
                          WHERE i.object_sha256 = o.sha256 AND i.calling_ae IS DISTINCT FROM $1)
            """
        let scored = try await connection.query(
            "SELECT o.sop_instance_uid AS uid FROM longview.inferences " + meant, SoakTraffic.mutant
        ).map { row -> String in try row["uid"] }
        let known = Set(scored)
        #expect(scored.count == known.count, "an object has two records")
        #expect(counts.acknowledged.isSubset(of: known), "\(counts.acknowledged.subtracting(known)) were lost")
        #expect(known.isSubset(of: counts.sent), "\(known.subtracting(counts.sent)) were never sent")
        let refused = try await connection.query(
            "SELECT o.sop_instance_uid AS uid FROM longview.refusals " + meant, SoakTraffic.mutant
        ).map { row -> String in try row["uid"] }
        #expect(refused.count == counts.bad.count)
        #expect(Set(refused) == counts.bad)
        let rest = try await connection.query("SELECT count(*) AS jobs FROM longview.jobs")
        #expect(try rest[0]["jobs"] == 0)
    }

    /// From each object's intake to its record, of those that a modality sent.
    private static func waits(_ connection: PostgresConnection) async throws -> [Latency] {
        let rows = try await connection.query(
            """
            SELECT extract(epoch FROM i.received_at - min(i.received_at) OVER ())::float8 AS at,
                   extract(epoch FROM n.created_at - i.received_at)::float8 * 1000 AS milliseconds
            FROM longview.inferences n JOIN longview.intakes i ON i.object_sha256 = n.object_sha256
            WHERE i.outcome = 'new' AND i.calling_ae LIKE 'SOAK-%'
            """)
        return try rows.map { Latency(at: try $0["at"], milliseconds: try $0["milliseconds"]) }
    }
}
