import Foundation
import Postgres
import TestSupport
import Testing

@Suite("The audit trail on the command line")
struct AuditCommandTests {
    /// Two scored radiographs of different patients, looked at by a clinician, and published.
    private static func published() async throws -> (longview: Installation, key: String) {
        let longview = try await Installation.ready()
        for number in 1...2 { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
        #expect(try await longview.run("score", longview.path("in")).status == 0)
        #expect(try await longview.run("scores", "--patient", "SMALL-1").status == 0)
        let missing = try await longview.run("publish", "--once")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("audit keygen"))
        let key = try await longview.makeLedgerKey()
        let published = try await longview.run("publish", "--once")
        #expect(published.status == 0, "\(published.errors)")
        #expect(published.output.hasPrefix("published"))
        return (longview, key)
    }

    private static func owner(_ longview: Installation) async throws -> PostgresConnection {
        try await PostgresConnection.connect(
            PostgresConfiguration(url: #require(longview.environment["DATABASE_URL"])), logger: TestLog.silent)
    }

    @Test("log, who-viewed and status tell what was done; asking is an entry as well")
    func trail() async throws {
        let (longview, _) = try await Self.published()
        let log = try await longview.run("audit", "log", "--json", "--limit", "100").objects
        let types = log.compactMap { ($0["entry"] as? [String: Any])?["type"] as? String }
        for type in ["migration", "model_import", "intake", "inference", "read", "key_rotation"] {
            #expect(types.contains(type), "\(type)")
        }
        #expect(types.count { $0 == "inference" } == 2)
        let viewed = try await longview.run("audit", "who-viewed", "--patient", "SMALL-1", "--json").objects
        #expect(viewed.count == 1)
        #expect(try await longview.run("audit", "who-viewed", "--patient", "SMALL-2", "--json").objects.isEmpty)
        let table = try await longview.run("audit", "log", "--action", "inference")
        #expect(table.output.contains("nih-pneumonia@"))
        #expect(!table.output.contains("SMALL-1"))
        let status = try #require(try await longview.run("audit", "status", "--json").objects.first)
        #expect(status["rejected"] as? Int == 0)
        #expect(status["waiting"] as? Int ?? 0 > 0, "the questions above wait for their places")
        #expect(try await longview.run("audit", "log", "--action", "nonsense").status == 64)
    }

    @Test("an export verifies with nothing but the key; the database too, until somebody changes a score")
    func exported() async throws {
        let (longview, key) = try await Self.published()
        let export = try await longview.run(
            [
                "audit", "export", "--output", longview.path("bundle"), "--format", "csv", "--format", "fhir",
                "--format",
                "atna", "--format", "ndjson", "--proofs", "--openings", "--recipient", "auditor", "--json",
            ])
        #expect(export.status == 0, "\(export.errors)")
        let verified = try await longview.run("audit", "verify", longview.path("bundle"), "--key", key, "--json")
        #expect(verified.status == 0, "\(verified.output) \(verified.errors)")
        #expect(try verified.objects.first?["ok"] as? Bool == true)
        let selected = try await longview.run(
            [
                "audit", "export", "--output", longview.path("patient"), "--patient", "SMALL-1", "--format", "ndjson",
                "--json",
            ])
        // Intake, inference and the clinician's look.
        #expect(try selected.objects.first?["entries"] as? Int == 3, "\(selected.errors)")
        #expect(try await longview.run("audit", "verify", longview.path("patient"), "--key", key).status == 0)

        #expect(try await longview.run("audit", "verify", "--database", "--key", key).status == 0)
        let owner = try await Self.owner(longview)
        try await owner.execute("ALTER TABLE longview.inferences DISABLE TRIGGER ALL")
        try await owner.execute("UPDATE longview.inferences SET risk = 0.999")
        await owner.close()
        let tampered = try await longview.run("audit", "verify", "--database", "--key", key, "--json")
        #expect(tampered.status == 3)
        #expect(tampered.output.contains("row_changed") && tampered.output.contains("body.risk"))
        // A file of the bundle, too.
        let entries = URL(fileURLWithPath: longview.path("bundle/tile/entries/000.p/"))
        let file = try #require(
            try FileManager.default.contentsOfDirectory(at: entries, includingPropertiesForKeys: nil).first)
        var bytes = try Data(contentsOf: file)
        bytes[200] ^= 1
        try bytes.write(to: file)
        #expect(try await longview.run("audit", "verify", longview.path("bundle"), "--key", key).status == 3)
    }

    @Test("a publisher that finds history rewritten says so and ends with status 3")
    func rewritten() async throws {
        let (longview, _) = try await Self.published()
        let owner = try await Self.owner(longview)
        try await owner.execute("ALTER TABLE longview.ledger_entries DISABLE TRIGGER ALL")
        try await owner.execute("DELETE FROM longview.ledger_entries WHERE index >= 4")
        await owner.close()
        let stopped = try await longview.run("publish", "--once")
        #expect(stopped.status == 3)
        #expect(stopped.errors.contains("history was rewritten") || stopped.errors.contains("old backup"))
        let status = try await longview.run("audit", "status")
        #expect(status.status == 3)
        #expect(status.output.contains("ALARM"))
    }

    @Test("an erased patient can't be found, and the ledger verifies")
    func erased() async throws {
        let (longview, key) = try await Self.published()
        #expect(try await longview.run("erase", "--patient", "SMALL-1", "--reason", "asked for").status == 1)
        let erased = try await longview.run("erase", "--patient", "SMALL-1", "--reason", "asked for", "--yes")
        #expect(erased.status == 0, "\(erased.errors)")
        #expect(try await longview.run("scores", "--patient", "SMALL-1", "--json").objects.isEmpty)
        #expect(try await longview.run("scores", "--json").objects.count == 1)
        #expect(try await longview.run("publish", "--once").status == 0)
        let verified = try await longview.run("audit", "verify", "--database", "--key", key)
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test("the roles are shown with who has them")
    func roles() async throws {
        let longview = try await Installation()
        let run = try await longview.run("db", "roles")
        #expect(run.status == 0, "\(run.errors)")
        for role in ["longview_worker", "longview_clinician", "longview_auditor"] { #expect(run.output.contains(role)) }
    }
}
