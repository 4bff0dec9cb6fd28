import Foundation
import Ledger
import Postgres
import Store
import TestSupport
import Testing

@Suite("Entries get their places")
struct LedgerSequencingTests {
    @Test("sequencing leaves no gap, and the tiles are those of the entries", arguments: [1, 255, 256, 257, 1500])
    func places(count: Int) async throws {
        let ledger = try await SampleLedger()
        try await ledger.begin()
        try await ledger.addQuickly(count)
        #expect(try await ledger.sequencer.drain() == count)
        _ = try await ledger.publisher().publish()
        let report = try await ledger.verify()
        #expect(report.isOK, "\(report.problems)")
        #expect(report.treeSize == count + 2)
        #expect(report.entries == count + 2)
    }

    @Test("steps of any size, by sequencers that know nothing of each other, make the same tree")
    func steps() async throws {
        let (one, other) = (try await SampleLedger(), try await SampleLedger())
        for ledger in [one, other] {
            let owner = try await ledger.database.connect()
            // The import's entry has its own time: only what follows can be equal.
            try await owner.execute("DELETE FROM longview.ledger_inbox")
            await owner.close()
            try await ledger.addQuickly(70_000)
        }
        try await one.sequencer.drain()
        var generator = SeededGenerator(state: 7)
        while case .sequenced = try await LedgerSequencer(other.store).step(
            limit: .random(in: 1...9000, using: &generator))
        {}
        let roots = try await [one, other].asyncMap { ledger in
            try await ledger.store.withLedgerReader { reader, size in
                try TileNodeSource(size: size) { try reader.read($0) ?? [] }.root(size: size)
            }
        }
        #expect(roots[0] == roots[1])
    }

    @Test(
        "many sequencers at once, while entries come in: each entry once, in the order of its recording by one connection"
    )
    func concurrently() async throws {
        let ledger = try await SampleLedger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let sequencer = LedgerSequencer(ledger.store)
                    for _ in 0..<60 {
                        _ = try await sequencer.step(limit: 7)
                        await Task.yield()
                    }
                }
            }
            group.addTask { try await ledger.add(150) }
            try await group.waitForAll()
        }
        try await ledger.sequencer.drain()
        let numbers = try await ledger.entries().compactMap { entry -> Int? in
            guard case .stop(let body) = entry.body else { return nil }
            return body.processID
        }
        #expect(numbers == Array(0..<150))
    }

    @Test("what is no entry is put aside and holds up nothing")
    func rejected() async throws {
        let ledger = try await SampleLedger()
        let owner = try await ledger.database.connect()
        try await owner.execute(
            #"INSERT INTO longview.ledger_inbox (entry) VALUES ('{"b":1,"a":2}'), ('\xff00'), ('{"a":1}')"#)
        await owner.close()
        try await ledger.sequencer.drain()
        let status = try await ledger.store.ledgerStatus()
        #expect(status.size == 2)
        #expect(status.waiting == 0)
        #expect(status.rejected == 2)
    }

    @Test("the application can neither remove what waits nor give it a place out of turn")
    func rights() async throws {
        let ledger = try await SampleLedger()
        let worker = try await ledger.database.connect(user: PrivateCluster.workerRole)
        for statement: SQL in [
            "DELETE FROM longview.ledger_inbox", "UPDATE longview.ledger_inbox SET entry = 'x'",
            "INSERT INTO longview.ledger_entries VALUES (0, '{}')", "UPDATE longview.ledger_entries SET entry = '{}'",
            "DELETE FROM longview.ledger_tiles", "DELETE FROM longview.ledger_checkpoints",
            "SELECT * FROM longview.openings", "SELECT longview.commit_value('x', 'y')",
            "SELECT longview.sequence_entries(5, ARRAY[1])", "SELECT longview.sequence_entries(0, ARRAY[99999])",
        ] {
            await #expect(throws: PostgresError.self, "\(statement)") { try await worker.query(statement) }
        }
        await worker.close()
        #expect(try await ledger.sequencer.drain() == 1)
    }
}

extension Array where Element: Sendable {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
