import Foundation
import Ledger
import Postgres
import Store
import TestSupport
import Testing

@Suite("Checkpoints are signed for a ledger that is what it was, and for no other")
struct LedgerPublicationTests {
    @Test("a checkpoint is signed, kept outside and in the database; without news none is signed again")
    func published() async throws {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        let publisher = ledger.publisher()
        #expect(try await publisher.publish() == .published(size: 2))
        #expect(try await publisher.publish() == .unchanged(size: 2))
        #expect(try await ledger.publisher().publish() == .unchanged(size: 2))
        try await ledger.add(3)
        try await ledger.sequencer.drain()
        #expect(try await publisher.publish() == .published(size: 5))
        #expect(try await ledger.store.checkpoints().count == 2)
        #expect(try await ledger.store.checkpoints().last == ledger.file.read()?.bytes)
        #expect(try await ledger.store.ledgerStatus().checkpointSize == 5)
    }

    @Test("a key the ledger does not know signs nothing; introduced, it signs and the old one no more")
    func rotation() async throws {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        _ = try await ledger.publisher().publish()
        let next = try SampleLedger.signer()
        let publisher = LedgerPublisher(ledger.store, signer: next, file: ledger.file)
        await #expect(throws: StoreError.self) { try await publisher.publish() }
        try await ledger.store.introduce(next.verifier, reason: "scheduled")
        try await ledger.sequencer.drain()
        #expect(try await publisher.publish() == .published(size: 3))
        await #expect(throws: StoreError.self) { try await ledger.publisher().publish() }
        #expect(try await ledger.verify().isOK)
        let keys = try await ledger.store.keyHistory()
        #expect(keys.keys.map(\.retiredAt) == [2, nil])
        let stranger = try SampleLedger.signer(name: "another.example")
        await #expect(throws: StoreError.self) { try await ledger.store.introduce(stranger.verifier, reason: nil) }
    }

    @Test(
        "cut off between any two steps, it is taken up again: no fork, no lost entry",
        arguments: LedgerPublisher.Moment.allCases)
    func cutOff(at moment: LedgerPublisher.Moment) async throws {
        struct Cut: Error {}
        let ledger = try await SampleLedger()
        try await ledger.begin()
        _ = try await ledger.publisher().publish()
        try await ledger.addQuickly(300)
        try await ledger.sequencer.drain()
        let publisher = ledger.publisher()
        await publisher.interrupt { if $0 == moment { throw Cut() } }
        await #expect(throws: Cut.self) { try await publisher.publish() }
        // The next process: nothing but the database and the file is left.
        let outcome = try await ledger.publisher().publish()
        #expect(outcome == (moment == .keptOutside ? .unchanged(size: 302) : .published(size: 302)))
        #expect(try await ledger.store.checkpoints().last == ledger.file.read()?.bytes)
        let kept = try #require(try ledger.file.read())
        let report = try await ledger.verify(outside: [Checkpoint(text: kept.text)])
        #expect(report.isOK, "\(report.problems)")
        #expect(report.entries == 302)
    }

    @Test("a missing cosignature stops publication where one is needed, and nothing is kept")
    func cosignatures() async throws {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        let refusing = ledger.publisher { _, _ in
            throw StoreError(.missingCosignatures, "no witness answered")
        }
        await #expect(throws: StoreError.self) { try await refusing.publish() }
        #expect(try ledger.file.read() == nil)
        #expect(try await ledger.store.checkpoints().isEmpty)
        let witness = try NoteSigner(name: "witness.example", algorithm: .cosignatureV1, key: .init())
        let cosigned = ledger.publisher { note, _ in
            var note = note
            note.add(try witness.sign(note.text, time: 1_700_000_000))
            return note
        }
        #expect(try await cosigned.publish() == .published(size: 2))
        #expect(try ledger.file.read()?.signatures.count == 2)
    }

    @Test("a checkpoint file that is damaged is never taken for none")
    func damagedFile() async throws {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        _ = try await ledger.publisher().publish()
        try Data("garbage".utf8).write(to: ledger.file.url)
        await #expect(throws: StoreError.self) { try await ledger.publisher().publish() }
        #expect(try await ledger.store.checkpoints().count == 1)
    }
}

@Suite("What was done to the ledger is found, and named")
struct LedgerTamperingTests {
    /// A published ledger of two full tiles and more.
    private func published() async throws -> SampleLedger {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        try await ledger.addQuickly(600)
        try await ledger.sequencer.drain()
        _ = try await ledger.publisher().publish()
        return ledger
    }

    private func expectAlarm(
        _ ledger: SampleLedger, _ word: String, publisher: LedgerPublisher? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        // There is news, so that it would be signed.
        try await ledger.add(1)
        try await ledger.sequencer.drain()
        let before = try await ledger.store.checkpoints().count
        let error = await #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
            try await (publisher ?? ledger.publisher()).publish()
        }
        #expect(error?.code == .ledgerAlarm, sourceLocation: sourceLocation)
        #expect(try await ledger.store.ledgerStatus().alarm?.contains(word) == true, sourceLocation: sourceLocation)
        #expect(try await ledger.store.checkpoints().count == before, sourceLocation: sourceLocation)
    }

    @Test("a changed entry: alarm by a publisher that starts, by one that runs, and the verifier names it")
    func changedEntry() async throws {
        let ledger = try await published()
        let running = ledger.publisher()
        _ = try await running.publish()
        try await ledger.tamper(
            "ledger_entries",
            "UPDATE longview.ledger_entries SET entry = overlay(entry PLACING 'tesd'::bytea FROM 17) WHERE index = 100")
        try await expectAlarm(ledger, "history was rewritten")
        try await expectAlarm(ledger, "0 to 255", publisher: running)
        let report = try await ledger.verify()
        #expect(report.problems.map(\.code) == [.entryChanged])
        #expect(report.problems.map(\.index) == [100])
    }

    @Test("a removed entry, and one put in its place from elsewhere")
    func removedEntry() async throws {
        let ledger = try await published()
        try await ledger.tamper("ledger_entries", "DELETE FROM longview.ledger_entries WHERE index = 300")
        try await expectAlarm(ledger, "gone")
        #expect(try await ledger.verify().problems.contains { $0.code == .entryMissing })
        try await ledger.tamper(
            "ledger_entries",
            "INSERT INTO longview.ledger_entries SELECT 300, entry FROM longview.ledger_entries WHERE index = 301")
        try await expectAlarm(ledger, "history was rewritten")
        #expect(try await ledger.verify().problems.contains { $0.code == .entryMoved && $0.index == 300 })
    }

    @Test("two entries that changed places")
    func reordered() async throws {
        let ledger = try await published()
        try await ledger.tamper(
            "ledger_entries",
            """
            UPDATE longview.ledger_entries e SET entry = o.entry FROM longview.ledger_entries o
            WHERE e.index IN (10, 20) AND o.index = 30 - e.index
            """)
        try await expectAlarm(ledger, "history was rewritten")
        let report = try await ledger.verify()
        #expect(report.problems.map(\.code) == [.entryMoved, .entryMoved])
        #expect(report.problems.map(\.index) == [10, 20])
    }

    @Test("entries cut off at the end, as a restored backup has them")
    func truncated() async throws {
        let ledger = try await published()
        let before = try #require(try ledger.file.read())
        try await ledger.tamper("ledger_entries", "DELETE FROM longview.ledger_entries WHERE index >= 550")
        try await ledger.tamper("ledger_checkpoints", "DELETE FROM longview.ledger_checkpoints WHERE size > 550")
        // The sequencer goes on from there; but what it makes is not what was published.
        try await expectAlarm(ledger, "old backup")
        try await ledger.addQuickly(100)
        try await ledger.sequencer.drain()
        try await expectAlarm(ledger, "history was rewritten")
        let outside = try Checkpoint(text: before.text)
        #expect(try await ledger.verify(outside: [outside]).problems.contains { $0.code == .noCheckpoint })
    }

    @Test("an emptied table")
    func emptied() async throws {
        let ledger = try await published()
        try await ledger.tamper("ledger_entries", "DELETE FROM longview.ledger_entries")
        await #expect(throws: StoreError.self) { try await ledger.publisher().publish() }
    }

    @Test("an edited tile")
    func editedTile() async throws {
        let ledger = try await published()
        try await ledger.tamper(
            "ledger_tiles",
            "UPDATE longview.ledger_tiles SET hashes = set_byte(hashes, 3200, 255 - get_byte(hashes, 3200)) WHERE index = 0"
        )
        try await expectAlarm(ledger, "tiles")
        let report = try await ledger.verify()
        #expect(report.problems.map(\.code) == [.tileChanged])
        #expect(report.problems.map(\.index) == [100])
    }

    @Test("a swapped checkpoint, and a forged signature")
    func checkpoints() async throws {
        let ledger = try await published()
        try await ledger.tamper(
            "ledger_checkpoints",
            "UPDATE longview.ledger_checkpoints SET note = convert_to(replace(convert_from(note, 'UTF8'), E'\\n602\\n', E'\\n601\\n'), 'UTF8')"
        )
        let report = try await ledger.verify()
        #expect(report.problems.map(\.code) == [.checkpointRefused, .noCheckpoint])
        // The same text, signed by somebody else under the log's name.
        let kept = try #require(try ledger.file.read())
        let forger = try SampleLedger.signer()
        try ledger.file.write(SignedNote(text: kept.text, signatures: [forger.sign(kept.text)]))
        await #expect(throws: (any Error).self) { try await ledger.publisher().publish() }
    }

    @Test(
        "a consistent rewrite of the whole tree, signed with the log's own key: caught by the checkpoint kept outside")
    func consistentRewrite() async throws {
        let ledger = try await published()
        let before = try Checkpoint(text: try #require(try ledger.file.read()).text)
        // The intruder has the owner's rights and the signing key: changes an entry, makes all tiles anew and signs.
        let entries = try await ledger.entries()
        for table in ["ledger_tiles", "ledger_checkpoints", "ledger_entries"] {
            switch table {
            case "ledger_tiles": try await ledger.tamper(table, "DELETE FROM longview.ledger_tiles")
            case "ledger_checkpoints": try await ledger.tamper(table, "DELETE FROM longview.ledger_checkpoints")
            default: try await ledger.tamper(table, "DELETE FROM longview.ledger_entries")
            }
        }
        let owner = try await ledger.database.connect()
        for (index, entry) in entries.enumerated() {
            var entry = entry
            if index == 100 { entry.source.host = "tesd" }
            try await owner.execute(
                "INSERT INTO longview.ledger_inbox (entry) VALUES ($1)", try entry.canonicalBytes())
        }
        await owner.close()
        try await LedgerSequencer(ledger.store).drain()
        let elsewhere = CheckpointFile(
            FileManager.default.temporaryDirectory.appendingPathComponent("intruder-\(UUID().uuidString)/checkpoint"))
        _ = try await LedgerPublisher(ledger.store, signer: ledger.signer, file: elsewhere).publish()
        #expect(try await ledger.verify().isOK, "by itself the rewritten ledger is flawless")
        let report = try await ledger.verify(outside: [before])
        #expect(report.problems.map(\.code) == [.historyRewritten])
        try await expectAlarm(ledger, "history was rewritten")
    }
}
