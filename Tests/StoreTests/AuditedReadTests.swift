import Foundation
import Ledger
import Postgres
import Store
import TestSupport
import Testing

@Suite("Reads are recorded before they are answered")
struct AuditedReadTests {
    /// Two scores of P1, one of P2.
    private func ledger() async throws -> SampleLedger {
        let ledger = try await SampleLedger()
        for (digit, patient) in zip("123", ["P1", "P1", "P2"]) {
            _ = try await ledger.store.record(
                Samples.inference(of: Samples.object(digit, patient: patient)), picture: Samples.picture)
        }
        return ledger
    }

    private func reads(_ ledger: SampleLedger) async throws -> [ReadEntry] {
        try await ledger.sequencer.drain()
        return try await ledger.entries().compactMap { if case .read(let body) = $0.body { body } else { nil } }
    }

    @Test("who, why, what was asked, whose records came back: also where none did")
    func recorded() async throws {
        let ledger = try await ledger()
        let clinician = try Samples.reads(ledger.database)
        var query = InferenceQuery()
        query.patientID = "P1"
        let found = try await clinician.inferences(query)
        #expect(found.count == 2)
        query.patientID = "nobody"
        #expect(try await clinician.inferences(query).isEmpty)
        #expect(try await clinician.inference(found[0].id)?.picture == Samples.picture)
        #expect(try await clinician.inference(UUID()) == nil)
        let reads = try await reads(ledger)
        #expect(reads.map(\.question) == ["scores", "scores", "show", "show"])
        #expect(reads.map(\.recordCount) == [2, 0, 1, 0])
        #expect(reads[0].records == found.map { $0.id.uuidString.lowercased() })
        #expect(reads[0].patients.count == 1 && reads[0].patients == reads[2].patients)
        #expect(reads[0].criteria.map(\.name) == ["limit", "patient"])
        #expect(reads[0].criteria[1].commitment != nil && reads[0].criteria[1].value == nil)
        let entry = try #require(try await ledger.entries().last)
        #expect(entry.actor.id == "longview_clinician")
        #expect(entry.actor.alternativeID == "ada")
        await clinician.close()
    }

    @Test("a rollback takes back neither the question nor gets it an answer")
    func rollback() async throws {
        let ledger = try await ledger()
        let clinician = try await ledger.database.connect(user: "longview_clinician")
        // All in one transaction: no answer.
        try await clinician.execute("BEGIN")
        let read: UUID = try await clinician.query(
            #"SELECT read_id FROM longview.begin_read('scores', '{"patient": "P1"}', 'TREAT', '{}')"#)[0]["read_id"]
        let early = await #expect(throws: PostgresError.self) {
            try await clinician.query("SELECT * FROM longview.read_inferences($1)", read)
        }
        #expect(early?.code == .permissionDenied)
        try await clinician.execute("ROLLBACK")
        // Nor after the rollback, nor within a savepoint.
        await #expect(throws: PostgresError.self) {
            try await clinician.query("SELECT * FROM longview.read_inferences($1)", read)
        }
        try await clinician.execute("BEGIN")
        try await clinician.execute("SAVEPOINT a")
        let nested: UUID = try await clinician.query(
            "SELECT read_id FROM longview.begin_read('scores', '{}', 'TREAT', '{}')")[0]["read_id"]
        try await clinician.execute("RELEASE a")
        await #expect(throws: PostgresError.self) {
            try await clinician.query("SELECT * FROM longview.read_inferences($1)", nested)
        }
        try await clinician.execute("ROLLBACK")
        // Asked and committed, then read within a transaction that is rolled back: it stands.
        let committed: UUID = try await clinician.query(
            "SELECT read_id FROM longview.begin_read('scores', '{}', 'TREAT', '{}')")[0]["read_id"]
        try await clinician.execute("BEGIN")
        #expect(try await clinician.query("SELECT * FROM longview.read_inferences($1)", committed).count == 3)
        try await clinician.execute("ROLLBACK")
        #expect(try await reads(ledger).map(\.readID) == [committed.uuidString.lowercased()])
        await clinician.close()
    }

    @Test("what was read is what was found when it was asked, by nobody else, and for other questions nothing")
    func bound() async throws {
        let ledger = try await ledger()
        let clinician = try await ledger.database.connect(user: "longview_clinician")
        let read: UUID = try await clinician.query(
            #"SELECT read_id FROM longview.begin_read('scores', '{"patient": "P2"}', 'TREAT', '{}')"#)[0]["read_id"]
        _ = try await ledger.store.record(
            Samples.inference(of: Samples.object("4", patient: "P2")), picture: Samples.picture)
        #expect(try await clinician.query("SELECT * FROM longview.read_inferences($1)", read).count == 1)
        for statement: SQL in [
            "SELECT * FROM longview.read_pictures($1)", "SELECT * FROM longview.read_refusals($1)",
            "SELECT * FROM longview.read_entries($1)",
        ] {
            await #expect(throws: PostgresError.self) { try await clinician.query(statement, read) }
        }
        let owner = try await ledger.database.connect()
        await #expect(throws: PostgresError.self) {
            try await owner.query("SELECT * FROM longview.read_inferences($1)", read)
        }
        await owner.close()
        await clinician.close()
    }

    @Test("a question that is not one's own to ask is denied, and the denial recorded")
    func denied() async throws {
        let ledger = try await ledger()
        let clinician = try Samples.reads(ledger.database)
        let auditor = try Samples.reads(ledger.database, as: .auditor)
        let refused = await #expect(throws: StoreError.self) { try await clinician.entries(TrailQuery()) }
        #expect(refused?.code == .denied)
        await #expect(throws: StoreError.self) { try await auditor.inferences(InferenceQuery()) }
        let reads = try await reads(ledger)
        #expect(reads.map(\.isGranted) == [false, false])
        #expect(reads.map(\.denial) == ["not_longview_auditor", "not_longview_clinician"])
        #expect(reads.allSatisfy { $0.recordCount == 0 && $0.records.isEmpty })
    }

    @Test("an auditor learns who viewed a patient's records; the trail by type, actor and time")
    func trail() async throws {
        let ledger = try await ledger()
        let clinician = try Samples.reads(ledger.database)
        var query = InferenceQuery()
        query.patientID = "P1"
        _ = try await clinician.inferences(query)
        query.patientID = "P2"
        _ = try await clinician.inferences(query)
        _ = try await clinician.inferences(InferenceQuery())
        try await ledger.sequencer.drain()
        let auditor = try Samples.reads(ledger.database, as: .auditor)
        var trail = TrailQuery()
        trail.patientID = "P1"
        let viewed = try await auditor.whoViewed(trail)
        #expect(viewed.count == 2)
        #expect(viewed.allSatisfy { $0.entry.actor.id == "longview_clinician" })
        trail.patientID = "nobody"
        #expect(try await auditor.whoViewed(trail).isEmpty)
        var all = TrailQuery(limit: 3)
        #expect(try await auditor.entries(all).map(\.entry.type) == [.read, .read, .read])
        all.type = .inference
        let inferences = try await auditor.entries(all)
        #expect(inferences.count == 3)
        all.since = Timestamp(rfc3339: inferences[1].entry.time.description)
        #expect(try await auditor.entries(all).count == 2)
        all.actor = "nobody"
        #expect(try await auditor.entries(all).isEmpty)
    }

    @Test("a result of more than 500 records is recorded in parts")
    func parts() async throws {
        let ledger = try await SampleLedger()
        let owner = try await ledger.database.connect()
        _ = try await ledger.store.record(Samples.inference(), picture: Samples.picture)
        try await owner.execute(
            """
            INSERT INTO longview.objects (sha256, kind, byte_count, patient_id)
            SELECT encode(sha256(n::text::bytea), 'hex'), 'dicom', 1, 'P' || n % 7 FROM generate_series(1, 1100) AS n
            """)
        try await owner.execute(
            """
            INSERT INTO longview.inferences
                (object_sha256, picture_sha256, model_digest, model_name, model_version, profile, rendering, gate, views,
                 view_weights, view_risks, logits, risk, category, flags, decode_ms, render_ms, score_ms, engine_version,
                 kernels, longview_version, host)
            SELECT encode(sha256(n::text::bytea), 'hex'), i.picture_sha256, i.model_digest, i.model_name, i.model_version,
                   i.profile, i.rendering, i.gate, i.views, i.view_weights, i.view_risks, i.logits, i.risk, i.category,
                   i.flags, i.decode_ms, i.render_ms, i.score_ms, i.engine_version, i.kernels, i.longview_version, i.host
            FROM longview.inferences i, generate_series(1, 1100) AS n
            """)
        await owner.close()
        let clinician = try Samples.reads(ledger.database)
        #expect(try await clinician.inferences(InferenceQuery(limit: 1050)).count == 1050)
        let reads = try await reads(ledger)
        #expect(reads.map(\.records.count) == [500, 500, 50])
        #expect(reads.map(\.part) == [1, 2, 3])
        #expect(Set(reads.map(\.readID)).count == 1)
        #expect(Set(reads.flatMap(\.records)).count == 1050)
    }

    @Test(
        "clinicians and auditors get nothing by any statement of their own",
        arguments: ["longview_clinician", "longview_auditor"])
    func noDirectWay(role: String) async throws {
        let ledger = try await ledger()
        let owner = try await ledger.database.connect()
        let tables: [String] = try await owner.query(
            "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'longview'::regnamespace AND relkind IN ('r', 'v', 'm', 'p') ORDER BY 1"
        ).map { try $0["name"] }
        let functions: [String] = try await owner.query(
            """
            SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'longview'::regnamespace
              AND has_function_privilege($1, p.oid, 'EXECUTE') ORDER BY 1
            """, role
        ).map { try $0["name"] }
        await owner.close()
        #expect(tables.count > 12)
        let allowed =
            role == "longview_clinician"
            ? ["begin_read", "read_inferences", "read_models", "read_pictures", "read_refusals"]
            : [
                "begin_read", "export_selection", "read_checkpoints", "read_entries", "read_entry_range", "read_inbox",
                "read_inference_projection", "read_openings", "read_refusal_projection", "read_tiles",
            ]
        #expect(functions.map { $0.split(separator: "(")[0].split(separator: ".").last.map(String.init) } == allowed)
        let reader = try await ledger.database.connect(user: role)
        for table in tables {
            // The numbers of the ledger's size are nobody's secret.
            for right in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
            where !(table == "ledger_status" && right == "SELECT") {
                let holds: Bool = try await reader.query(
                    "SELECT has_table_privilege(('longview.' || $1::text)::regclass, $2) OR CASE WHEN $2 IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(('longview.' || $1)::regclass, $2) ELSE false END AS holds",
                    table, right)[0]["holds"]
                #expect(!holds, "\(role) may \(right) \(table)")
            }
        }
        for statement: SQL in [
            "SELECT * FROM longview.inferences", "TABLE longview.objects", "SELECT * FROM longview.inference_details",
            "COPY longview.objects TO STDOUT", "SELECT count(*) FROM longview.reads",
            "SELECT * FROM longview.openings", "SELECT entry FROM longview.ledger_inbox",
            "SELECT longview.commit_patient('P1', NULL)", "SELECT longview.patient_commitments('P1')",
            "SELECT longview.granted_read(longview.uuid_v7(), ARRAY['scores'])",
            "SELECT longview.erase_patient('P1', NULL, 'x', '{}')", "SELECT longview.known_commitment('x', 'y')",
            "CREATE TABLE longview.mine ()", "CREATE TEMPORARY TABLE reads (id int)", "CREATE TABLE public.mine ()",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql RETURN 1",
            "SET ROLE longview_worker", "SET ROLE longview_owner", "SET SESSION AUTHORIZATION longview_owner",
            "ALTER TABLE longview.reads DISABLE TRIGGER ALL", "DROP TABLE longview.reads",
            "SELECT * FROM pg_read_file('/etc/passwd')", "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT lo_import('/etc/passwd')", "DO $$ BEGIN PERFORM * FROM longview.inferences; END $$",
            "EXPLAIN ANALYZE SELECT * FROM longview.inferences WHERE id IS NOT NULL", "LOCK TABLE longview.inferences",
            "CREATE SCHEMA mine", "SELECT * FROM longview.read_inferences(gen_random_uuid())",
        ] {
            await #expect(throws: PostgresError.self) { try await reader.query(statement) }
        }
        await reader.close()
    }
}

@Suite("A patient is erased, and the ledger stays whole")
struct ErasureTests {
    @Test("objects, scores, pictures and openings go; entries stay, and the erasure is one of them")
    func erased() async throws {
        let ledger = try await SampleLedger()
        let other = PictureRecord(sha256: Samples.digest("d"), width: 3, height: 2, png: [1])
        for (digit, patient) in zip("12", ["P1", "P2"]) {
            var record = Samples.inference(of: Samples.object(digit, patient: patient))
            record.pictureSHA256 = digit == "1" ? other.sha256 : Samples.picture.sha256
            _ = try await ledger.store.record(record, picture: digit == "1" ? other : Samples.picture)
        }
        try await ledger.begin()
        _ = try await ledger.publisher().publish()
        let before = try await ledger.entries()
        let erasure = Erasure(
            try ledger.database.configuration(), recorder: Samples.recorder, logger: TestLog.silent)
        let done = try await erasure.erase(patientID: "P1", issuer: nil, reason: "GDPR art. 17")
        #expect(done.identities == 1)
        #expect(done.objects == [Samples.digest("1")])
        try await ledger.sequencer.drain()
        _ = try await ledger.publisher().publish()
        #expect(try await ledger.verify().isOK)
        let after = try await ledger.entries()
        #expect(Array(after.prefix(before.count)) == before)
        guard case .erasure(let body)? = after.last?.body else {
            Issue.record("no erasure entry")
            return
        }
        // Patient, accession number, study, SOP instance, object, picture.
        #expect(body.openingCount == 6)
        #expect(body.objectCount == 1 && body.pictureCount == 1 && body.inferenceCount == 1)
        #expect(after.contains { if case .inference(let i) = $0.body { i.patient == body.patient } else { false } })
        let owner = try await ledger.database.connect()
        let row = try await owner.query(
            """
            SELECT (SELECT count(*) FROM longview.objects) AS objects,
                   (SELECT count(*) FROM longview.inferences) AS inferences,
                   (SELECT count(*) FROM longview.pictures) AS pictures,
                   (SELECT count(*) FROM longview.openings WHERE position('P1'::bytea IN value) > 0) AS openings
            """)[0]
        #expect(try [row["objects"], row["inferences"], row["pictures"], row["openings"]] == [1, 1, 1, 0])
        await owner.close()
        // Whoever comes back is somebody new to the ledger.
        _ = try await ledger.store.record(
            Samples.inference(of: Samples.object("1", patient: "P1")), picture: Samples.picture)
        try await ledger.sequencer.drain()
        guard case .inference(let again)? = try await ledger.entries().last?.body else { return }
        #expect(again.patient != body.patient)
    }

    @Test("nobody but the owner erases, and records go no other way")
    func rights() async throws {
        let ledger = try await SampleLedger()
        _ = try await ledger.store.record(Samples.inference(), picture: Samples.picture)
        for role in ["longview_worker", "longview_clinician", "longview_auditor"] {
            let connection = try await ledger.database.connect(user: role)
            await #expect(throws: PostgresError.self) {
                try await connection.query("SELECT longview.erase_patient('P1', NULL, 'x', '{}')")
            }
            await connection.close()
        }
        let owner = try await ledger.database.connect()
        await #expect(throws: PostgresError.self) { try await owner.execute("DELETE FROM longview.inferences") }
        await owner.close()
    }
}
