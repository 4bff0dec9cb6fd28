import Foundation
import Ledger
import Postgres
import Store
import TestSupport
import Testing

@Suite("The database's rows are held against their entries")
struct RecordCheckTests {
    /// Two scores and a refusal, published.
    private func published(site: String? = nil) async throws -> SampleLedger {
        var ledger = try await SampleLedger()
        if let site {
            var recorder = Samples.recorder
            recorder.site = site
            ledger = try SampleLedger(ledger, recorder: recorder)
        }
        for digit in ["1", "2"] as [Character] {
            _ = try await ledger.store.record(
                Samples.inference(of: Samples.object(digit, patient: "P\(digit)")), picture: Samples.picture)
        }
        try await ledger.store.record(
            RefusalRecord(
                object: Samples.object("3"), modelDigest: Samples.model.digest, stage: .gate, code: "lateral",
                message: "a lateral view, \"so it seems\"", gate: JSONText(#"{"b": 1.50, "a": [1e-7, true]}"#),
                longviewVersion: "0.0.0", host: "test"))
        try await ledger.begin()
        _ = try await ledger.publisher().publish()
        return ledger
    }

    private func verify(_ ledger: SampleLedger) async throws -> VerificationReport {
        let auditor = try Samples.reads(ledger.database, as: .auditor)
        let policy = try CheckpointPolicy(origin: ledger.signer.verifier.name, logKeys: [ledger.signer.verifier])
        let report = try await auditor.verify(policy: policy, outside: [])
        await auditor.close()
        return report
    }

    @Test(
        "rows as they were recorded are found to be so, also those whose entries wait",
        arguments: [nil, "Site, \"source\":{ 1"])
    func whole(site: String?) async throws {
        let ledger = try await published(site: site)
        let report = try await verify(ledger)
        #expect(report.isOK, "\(report.problems)")
        #expect(report.treeSize == 8)
        // More that waits, and more that has its place but no checkpoint.
        _ = try await ledger.store.record(
            Samples.inference(of: Samples.object("4")), picture: Samples.picture)
        #expect(try await verify(ledger).isOK)
        try await ledger.sequencer.drain()
        #expect(try await verify(ledger).isOK)
    }

    @Test(
        "a changed column is named",
        arguments: [
            ("UPDATE longview.inferences SET risk = 0.9", "body.risk"),
            ("UPDATE longview.inferences SET category = 'high'", "body.category"),
            ("UPDATE longview.inferences SET category = NULL", "body.category"),
            ("UPDATE longview.inferences SET logits[1] = 1", "body.logits"),
            ("UPDATE longview.inferences SET created_at = created_at - interval '1 microsecond'", "time"),
            ("UPDATE longview.inferences SET engine_version = 'other'", "body.engine_version"),
            ("UPDATE longview.inferences SET profile = '{}'", "body.profile_sha256"),
            ("UPDATE longview.inferences SET flags = '{}'", "body.flags"),
            ("UPDATE longview.inferences SET host = 'elsewhere'", "source.host"),
            (
                "WITH m AS (INSERT INTO longview.models SELECT repeat('e', 64), 'other', '1', weights_sha256, '{}' FROM longview.models RETURNING digest) UPDATE longview.inferences SET model_digest = repeat('e', 64)",
                "body.model.digest"
            ),
        ] as [(SQL, String)])
    func changed(sql: SQL, member: String) async throws {
        let ledger = try await published()
        try await ledger.tamper("inferences", sql)
        let report = try await verify(ledger)
        #expect(report.problems.map(\.code) == [.rowChanged, .rowChanged])
        #expect(report.problems.allSatisfy { $0.message.hasSuffix("says: \(member)") }, "\(report.problems)")
        #expect(report.problems.compactMap(\.index).count == 2)
    }

    @Test("a changed refusal, and an object that was given to another patient")
    func others() async throws {
        let ledger = try await published()
        try await ledger.tamper("refusals", "UPDATE longview.refusals SET code = 'phantom'")
        let owner = try await ledger.database.connect()
        try await owner.execute(
            "UPDATE longview.objects SET patient_id = 'P2' WHERE patient_id = 'P1' AND accession_number = 'A1'")
        await owner.close()
        let report = try await verify(ledger)
        #expect(report.problems.map(\.code) == [.rowChanged, .rowChanged])
        #expect(report.problems[0].message.contains("body.patient"))
        #expect(report.problems[1].message.contains("body.code"))
    }

    @Test("a removed row, a row put in, and two that changed places")
    func rows() async throws {
        let removed = try await published()
        try await removed.tamper("inferences", "DELETE FROM longview.inferences WHERE object_sha256 = repeat('1', 64)")
        #expect(try await verify(removed).problems.map(\.code) == [.rowMissing])

        let inserted = try await published()
        try await inserted.tamper(
            "inferences",
            """
            INSERT INTO longview.inferences
                (object_sha256, picture_sha256, model_digest, model_name, model_version, profile, rendering, gate, views,
                 view_weights, view_risks, logits, risk, category, flags, decode_ms, render_ms, score_ms, engine_version,
                 kernels, longview_version, host)
            SELECT object_sha256, picture_sha256, model_digest, model_name, model_version, profile, rendering, gate, 'center',
                   view_weights, view_risks, logits, 0.99, category, flags, decode_ms, render_ms, score_ms, engine_version,
                   kernels, longview_version, host FROM longview.inferences LIMIT 1
            """)
        #expect(try await verify(inserted).problems.map(\.code) == [.rowUnrecorded])

        let swapped = try await published()
        try await swapped.tamper(
            "inferences",
            """
            WITH old AS (SELECT id, created_at FROM longview.inferences),
                 gone AS (UPDATE longview.inferences i SET created_at = o.created_at FROM old o WHERE o.id <> i.id RETURNING 1)
            SELECT * FROM gone
            """)
        #expect(try await verify(swapped).problems.map(\.code) == [.rowChanged, .rowChanged])
    }

    @Test("an erased patient's rows are not missed; one removed without an erasure is")
    func erased() async throws {
        let ledger = try await published()
        _ = try await Erasure(
            ledger.database.configuration(), recorder: Samples.recorder, logger: TestLog.silent
        ).erase(patientID: "P2", issuer: nil, reason: "asked for")
        #expect(try await !verify(ledger).isOK, "until the erasure has its place and checkpoint it is not believed")
        try await ledger.sequencer.drain()
        _ = try await ledger.publisher().publish()
        let report = try await verify(ledger)
        #expect(report.isOK, "\(report.problems)")
    }

    @Test("the ledger itself is verified by the same read")
    func ledgerItself() async throws {
        let ledger = try await published()
        try await ledger.tamper(
            "ledger_entries",
            "UPDATE longview.ledger_entries SET entry = overlay(entry PLACING 'tesd'::bytea FROM 12) WHERE index = 4")
        #expect(
            try await verify(ledger).problems.contains {
                $0.code == .entryChanged && $0.index == 4 || $0.code == .rootMismatch
            })
    }
}
