import Postgres
import Store
import TestSupport
import Testing

@Suite("Protection of records")
struct ProtectionTests {
    private static let changes: [SQL] = [
        "UPDATE longview.inferences SET risk = 0", "DELETE FROM longview.inferences", "TRUNCATE longview.inferences",
        "UPDATE longview.refusals SET code = ''", "DELETE FROM longview.refusals", "TRUNCATE longview.refusals",
        "UPDATE longview.model_states SET state = 'active'", "DELETE FROM longview.model_states",
        "TRUNCATE longview.model_states", "UPDATE longview.models SET name = 'x'", "DELETE FROM longview.models",
        "TRUNCATE longview.models CASCADE",
    ]

    @Test("neither the application nor the owner can change or remove a record", arguments: [true, false])
    func records(asOwner: Bool) async throws {
        let (database, store) = try await Samples.store()
        _ = try await store.record(Samples.inference(), picture: Samples.picture)
        try await store.record(Self.refusal)
        _ = try await store.setState(.active, of: Samples.model, reason: nil)
        let connection = try await database.connect(
            user: asOwner ? PrivateCluster.ownerRole : PrivateCluster.workerRole)
        for change in Self.changes {
            let error = await #expect(throws: PostgresError.self) { try await connection.execute(change) }
            #expect(error?.code == .permissionDenied)
        }
        #expect(try await Samples.reads(database).inferences(InferenceQuery()).map(\.record) == [Samples.inference()])
        await connection.close()
        await store.close()
    }

    @Test("the application can't disable a trigger, make a table or become another role")
    func leastPrivilege() async throws {
        let (database, store) = try await Samples.store()
        let worker = try await database.connect(user: PrivateCluster.workerRole)
        for statement: SQL in [
            "ALTER TABLE longview.inferences DISABLE TRIGGER keep_rows", "DROP TABLE longview.inferences CASCADE",
            "SET session_replication_role = replica", "CREATE TABLE longview.x (y int)",
            "CREATE TABLE public.x (y int)",
            "SET ROLE longview_owner", "ALTER ROLE longview_worker SUPERUSER",
        ] {
            await #expect(throws: PostgresError.self) { try await worker.execute(statement) }
        }
        await worker.close()
        await store.close()
    }

    @Test("doctor's findings hold on a new database, and name what was undone")
    func findings() async throws {
        let (database, store) = try await Samples.store()
        #expect(try await store.protectionFindings().allSatisfy(\.holds))
        let owner = try await database.connect()
        try await owner.execute("ALTER TABLE longview.inferences DISABLE TRIGGER keep_rows")
        try await owner.execute("GRANT DELETE ON longview.refusals TO longview_worker")
        try await owner.execute("DROP TRIGGER keep_table ON longview.models")
        let broken = try await store.protectionFindings().filter { !$0.holds }.map(\.text)
        #expect(broken.count == 3)
        #expect(broken.contains { $0.contains("keep_rows of longview.inferences") })
        #expect(broken.contains { $0.contains("DELETE longview.refusals") })
        #expect(broken.contains { $0.contains("1 of the 30 triggers") })
        await owner.close()
        await store.close()
    }

    @Test("the same refusal twice is one row; another reason is another")
    func refusals() async throws {
        let (database, store) = try await Samples.store()
        var refusal = Self.refusal
        try await store.record(refusal)
        try await store.record(refusal)
        refusal.code = "lateral_view"
        try await store.record(refusal)
        let owner = try await database.connect()
        let rows = try await owner.query("SELECT code, gate FROM longview.refusals ORDER BY created_at")
        #expect(try rows.map { try $0["code"] as String } == ["not_dicom", "lateral_view"])
        await owner.close()
        await store.close()
    }

    private static let refusal = RefusalRecord(
        object: ObjectRecord(sha256: Samples.digest("9"), kind: .unknown, byteCount: 5),
        modelDigest: Samples.model.digest,
        stage: .decode, code: "not_dicom", message: "the file is not DICOM", gate: nil, longviewVersion: "0",
        host: "test")
}
