import Foundation
import Postgres
import Store
import TestSupport
import Testing

@Suite("Inferences")
struct InferenceTests {
    @Test("what is recorded is read back to the last bit")
    func roundTrip() async throws {
        let (_, store) = try await Samples.store()
        let record = Samples.inference()
        guard case .recorded(let id) = try await store.record(record, picture: Samples.picture) else {
            Issue.record("the first record of an object is a duplicate")
            return
        }
        let found = try #require(try await store.inference(id))
        #expect(found.id == id)
        #expect(found.record == record)
        #expect(found.record.logits.map(\.bitPattern) == record.logits.map(\.bitPattern))
        #expect(found.record.risk.bitPattern == record.risk.bitPattern)
        #expect(try await store.picture(record.pictureSHA256) == Samples.picture)
        // Version 7, variant 10 (RFC 9562 section 4).
        #expect(id.uuid.6 >> 4 == 7)
        #expect(id.uuid.8 >> 6 == 2)
        await store.close()
    }

    @Test("the same bytes, model and views give one record, which stays as it was")
    func duplicate() async throws {
        let (_, store) = try await Samples.store()
        guard case .recorded(let first) = try await store.record(Samples.inference(), picture: Samples.picture) else {
            Issue.record("the first record of an object is a duplicate")
            return
        }
        let again = try await store.record(Samples.inference(risk: 0.9), picture: Samples.picture)
        #expect(again == .duplicate(first))
        #expect(try await store.inference(first)?.record.risk == Samples.inference().risk)
        var center = Samples.inference()
        center.views = .center
        #expect(try await store.record(center, picture: Samples.picture) != .duplicate(first))
        await store.close()
    }

    @Test("many writers of one object end with one record")
    func race() async throws {
        let (_, store) = try await Samples.store()
        let outcomes = try await withThrowingTaskGroup(of: Store.RecordOutcome.self) { group in
            for _ in 0..<12 {
                group.addTask { try await store.record(Samples.inference(), picture: Samples.picture) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let recorded = outcomes.compactMap { if case .recorded(let id) = $0 { id } else { nil } }
        #expect(recorded.count == 1)
        #expect(outcomes.filter { $0 == .duplicate(recorded[0]) }.count == 11)
        #expect(try await store.inferenceIDs() == recorded)
        await store.close()
    }

    @Test("a score of an unregistered model leaves nothing behind, not even its object")
    func allOrNothing() async throws {
        let (database, store) = try await Samples.store()
        var record = Samples.inference()
        record.modelDigest = Samples.digest("f")
        await #expect(throws: PostgresError.self) { try await store.record(record, picture: Samples.picture) }
        let owner = try await database.connect()
        let count: Int = try await owner.query("SELECT count(*) AS count FROM longview.objects")[0]["count"]
        #expect(count == 0)
        await owner.close()
        await store.close()
    }

    @Test("queries select by patient, accession, study, category and time, newest first")
    func queries() async throws {
        let (database, store) = try await Samples.store()
        let reads = try Samples.reads(database)
        for (digit, patient) in zip("12345", ["P1", "P2", "P1", "P1' OR 'x'='x", "P3"]) {
            _ = try await store.record(
                Samples.inference(of: Samples.object(digit, patient: patient)), picture: Samples.picture)
        }
        func found(_ change: (inout InferenceQuery) -> Void) async throws -> [String] {
            var query = InferenceQuery()
            change(&query)
            return try await reads.inferences(query).compactMap { $0.record.object.accessionNumber }
        }
        #expect(try await found { _ in } == ["A5", "A4", "A3", "A2", "A1"])
        #expect(try await found { $0.patientID = "P1" } == ["A3", "A1"])
        #expect(try await found { $0.patientID = "P1' OR 'x'='x" } == ["A4"])
        #expect(try await found { $0.accessionNumber = "A2" } == ["A2"])
        #expect(try await found { $0.studyInstanceUID = "2.25.25" } == ["A5"])
        #expect(try await found { $0.category = "high" } == [])
        #expect(try await found { $0.limit = 2 } == ["A5", "A4"])
        let middle = try await reads.inferences(InferenceQuery())[2].createdAt
        #expect(try await found { $0.since = middle } == ["A5", "A4", "A3"])
        #expect(try await found { $0.until = middle } == ["A2", "A1"])
        await store.close()
    }
}
