import Foundation
import Ledger
import Postgres
import Store
import TestSupport
import Testing

@Suite("What is recorded has its entry in the ledger")
struct LedgerRecordingTests {
    @Test("a model, an object and its score: import, activation, intake and inference, in the order of their recording")
    func scored() async throws {
        let ledger = try await SampleLedger()
        _ = try await ledger.store.setState(.active, of: Samples.model, reason: "first")
        let record = Samples.inference()
        guard case .recorded(let id) = try await ledger.store.record(record, picture: Samples.picture) else {
            Issue.record("not recorded")
            return
        }
        try await ledger.sequencer.drain()
        let entries = try await ledger.entries()
        #expect(entries.map(\.type) == [.modelImport, .modelActivate, .intake, .inference])
        #expect(entries.allSatisfy { $0.actor.id == PrivateCluster.workerRole && $0.actor.alternativeID == "ada" })
        guard case .inference(let inference) = entries[3].body, case .intake(let intake) = entries[2].body else {
            return
        }
        #expect(inference.inferenceID == id.uuidString.lowercased())
        #expect(inference.logits.map(\.value.bitPattern) == record.logits.map(\.bitPattern))
        #expect(inference.risk.value == record.risk)
        #expect(inference.patient != nil && inference.patient == intake.patient)
        #expect(inference.object == intake.object)
        let stored = try #require(try await ledger.store.inference(id))
        #expect(entries[3].time.description == stored.createdAt.description)
        // What comes back from the database's jsonb has the digest of what went in.
        #expect(inference.profileSHA256 == (try CanonicalJSON.sha256(ofJSON: stored.record.profile.text)))
    }

    @Test("one patient is one commitment in all entries, and another patient another")
    func patients() async throws {
        let ledger = try await SampleLedger()
        for (digit, patient) in [("1", "P1"), ("2", "P1"), ("3", "P2")] as [(Character, String)] {
            _ = try await ledger.store.record(
                Samples.inference(of: Samples.object(digit, patient: patient)), picture: Samples.picture)
        }
        try await ledger.sequencer.drain()
        let patients = try await ledger.entries().compactMap { entry -> Commitment? in
            guard case .inference(let body) = entry.body else { return nil }
            return body.patient
        }
        #expect(patients.count == 3)
        #expect(patients[0] == patients[1])
        #expect(patients[0] != patients[2])
    }

    @Test("no entry holds a patient's data")
    func nothingPersonal() async throws {
        let ledger = try await SampleLedger()
        let record = Samples.inference()
        _ = try await ledger.store.record(record, picture: Samples.picture)
        try await ledger.sequencer.drain()
        for entry in try await ledger.entries() {
            let text = String(decoding: try entry.canonicalBytes(), as: UTF8.self)
            for value in ["P1", "2.25.1", "2.25.2", "\"A1\"", record.object.sha256, record.pictureSHA256] {
                #expect(!text.contains(value), "\(entry.type.rawValue) holds \(value)")
            }
        }
    }

    @Test("what is recorded twice has one entry, and what is undone has none")
    func oncePerRecord() async throws {
        let ledger = try await SampleLedger()
        _ = try await ledger.store.record(Samples.inference(), picture: Samples.picture)
        _ = try await ledger.store.record(Samples.inference(), picture: Samples.picture)
        var impossible = Samples.inference(of: Samples.object("9"))
        impossible.risk = 2
        await #expect(throws: PostgresError.self) {
            _ = try await ledger.store.record(impossible, picture: Samples.picture)
        }
        try await ledger.sequencer.drain()
        #expect(try await ledger.entries().map(\.type) == [.modelImport, .intake, .inference])
    }

    @Test("many connections that record one patient's objects at once don't wait for each other for ever")
    func concurrent() async throws {
        let ledger = try await SampleLedger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    var object = Samples.object(patient: "P\(number % 3)")
                    object.sha256 = String(repeating: "0", count: 62) + String(number + 100).suffix(2)
                    object.accessionNumber = "A\(number % 5)"
                    object.studyInstanceUID = "2.25.\(number % 7)"
                    _ = try await ledger.store.record(Samples.inference(of: object), picture: Samples.picture)
                }
            }
            try await group.waitForAll()
        }
        try await ledger.sequencer.drain()
        #expect(try await ledger.entries().count == 1 + 80)
    }
}
