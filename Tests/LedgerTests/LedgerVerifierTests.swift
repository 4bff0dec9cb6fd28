import TestSupport
import Testing

@testable import Ledger

@Suite("Verification of a log")
struct LedgerVerifierTests {
    // Two full bundles and a part; checkpoints inside a bundle, at its end, and at the log's end.
    private func ledger() throws -> MemoryLedger {
        try MemoryLedger(MemoryLedger.entries(600), checkpointsAt: [100, 256, 600])
    }

    private let first = TileAddress(kind: .entries, index: 0)
    private let last = TileAddress(kind: .entries, index: 2, width: 88)

    private func editTile(_ ledger: inout MemoryLedger, _ address: TileAddress, hash: Int) {
        ledger.files[address]![hash * 32] ^= 1
    }

    @Test(
        "an honest log has no problems",
        arguments: [[0], [1], [255], [256], [257], [0, 1, 5, 5, 300], [512], [700, 1500]])
    func honest(sizes: [Int]) throws {
        var ledger = try MemoryLedger(MemoryLedger.entries(1500), checkpointsAt: sizes)
        let report = try ledger.verify()
        #expect(report.found == [])
        #expect(report.isOK)
        #expect(report.treeSize == sizes.last)
        #expect(report.entries == sizes.last)
        #expect(report.checkpoints == sizes.count)
        #expect(try Checkpoint(text: SignedNote(parsing: ledger.checkpoints.last!).text).root == report.root)
        // In any order.
        ledger.checkpoints.reverse()
        #expect(try ledger.verify() == report)
    }

    @Test("a log with a level-2 tile has no problems, and its upper tiles are checked")
    func levels() throws {
        var ledger = try MemoryLedger(MemoryLedger.entries(65_536 + 257), checkpointsAt: [70, 65_536 + 257])
        #expect(try ledger.verify().found == [])
        editTile(&ledger, TileAddress(level: 1, index: 0), hash: 200)
        editTile(&ledger, TileAddress(level: 2, index: 0, width: 1), hash: 0)
        editTile(&ledger, TileAddress(level: 1, index: 1, width: 1), hash: 0)
        #expect(try ledger.verify().found == ["tile_changed \(200 * 256)", "tile_changed 65536", "tile_changed 0"])
    }

    @Test("every entry is handed out once, in order")
    func inspection() throws {
        let ledger = try ledger()
        var seen: [[UInt8]] = []
        _ = try LedgerVerifier(policy: MemoryLedger.policy).verify(
            checkpoints: ledger.checkpoints, reader: ledger
        ) { index, entry in
            #expect(index == seen.count)
            seen.append(Array(entry))
        }
        #expect(seen == ledger.entries)
    }

    @Test("a changed entry is named", arguments: [0, 99, 255, 256, 511, 512, 599])
    func changedEntry(index: Int) throws {
        var ledger = try ledger()
        let address = index < 512 ? TileAddress(kind: .entries, index: index / 256) : last
        try ledger.edit(address) { $0[index % 256] = Array("{\"number\":-1}".utf8) }
        #expect(try ledger.verify().found == ["entry_changed \(index)"])
    }

    @Test("an entry that is not canonical is named beside")
    func notCanonical() throws {
        var ledger = try ledger()
        try ledger.edit(first) { $0[7] = Array("{\"number\": 7}".utf8) }
        #expect(try ledger.verify().found == ["entry_not_canonical 7", "entry_changed 7"])
    }

    @Test("entries that changed places are named")
    func reordered() throws {
        var ledger = try ledger()
        try ledger.edit(first) { $0.swapAt(3, 200) }
        #expect(try ledger.verify().found == ["entry_moved 3", "entry_moved 200"])
    }

    @Test("a deleted entry is found, in the middle or at the end")
    func deleted() throws {
        var ledger = try ledger()
        try ledger.edit(last) { $0.remove(at: 86) }
        #expect(try ledger.verify().found == ["entry_missing 599", "entry_moved 598"])
        ledger = try self.ledger()
        try ledger.edit(last) { $0.removeLast() }
        #expect(try ledger.verify().found == ["entry_missing 599"])
        // All behind it moved up, as in a table that was numbered anew.
        var shorter = MemoryLedger.entries(600)
        shorter.remove(at: 10)
        ledger = try self.ledger()
        for address in TileAddress.addedEntries(from: 0, to: 600) {
            ledger.files[address] = try EntryBundle.encode(shorter[address.range.clamped(to: 0..<599)])
        }
        let report = try ledger.verify()
        #expect(report.found.contains("entry_moved 10"))
        #expect(!report.found.contains("entry_changed 9"))
        #expect(report.found.contains("entry_missing 599"))
    }

    @Test("an inserted entry is found")
    func inserted() throws {
        var ledger = try ledger()
        try ledger.edit(last) { $0.append(Array("{}".utf8)) }
        #expect(try ledger.verify().found == ["entry_inserted 600"])
        ledger = try self.ledger()
        try ledger.edit(last) { $0.insert(Array("{}".utf8), at: 86) }
        #expect(try ledger.verify().found == ["entry_inserted 600", "entry_changed 598", "entry_moved 599"])
    }

    @Test("an edited tile is told from a changed entry")
    func editedTile() throws {
        var ledger = try ledger()
        editTile(&ledger, TileAddress(level: 0, index: 1), hash: 4)
        #expect(try ledger.verify().found.contains("tile_changed 260"))
        #expect(try !ledger.verify().found.contains("entry_changed 260"))
        ledger = try self.ledger()
        editTile(&ledger, TileAddress(level: 0, index: 2, width: 88), hash: 87)
        #expect(try ledger.verify().found == ["tile_changed 599"])
    }

    @Test("an entry and its tile changed together contradict the checkpoint")
    func changedTogether() throws {
        var forged = MemoryLedger.entries(600)
        forged[40] = Array("{\"number\":41}".utf8)
        var ledger = try MemoryLedger(forged, checkpointsAt: [100, 256, 600])
        ledger.checkpoints = try self.ledger().checkpoints
        #expect(try ledger.verify().found == ["root_mismatch 100", "root_mismatch 256", "root_mismatch 600"])
    }

    @Test("files that are missing or damaged are named")
    func missingFiles() throws {
        for (address, expected) in [
            (first, ["bundle_missing 0"]), (last, ["bundle_missing 512"]),
            (TileAddress(level: 0, index: 1), ["tile_missing 256"]),
            (TileAddress(level: 1, index: 0, width: 2), ["tile_missing 0"]),
        ] {
            var ledger = try ledger()
            ledger.files[address] = nil
            #expect(try ledger.verify().found == expected)
        }
        var ledger = try ledger()
        ledger.files[first]!.removeLast()
        ledger.files[TileAddress(level: 0, index: 1)]!.removeLast()
        #expect(try ledger.verify().found == ["bundle_malformed 255", "tile_malformed 256"])
        ledger = try self.ledger()
        ledger.files[first] = nil
        ledger.files[TileAddress(level: 0, index: 0)] = nil
        #expect(try ledger.verify().found == ["bundle_missing 0", "tile_missing 0"])
    }

    @Test("full tiles and bundles stand in for partial ones that were deleted since")
    func partialTilesDeleted() throws {
        var ledger = try MemoryLedger(MemoryLedger.entries(600), checkpointsAt: [300, 600])
        ledger.checkpoints.removeLast()
        ledger.files = ledger.files.filter { !$0.key.isPartial || $0.key.kind == .hashes(level: 1) }
        #expect(try ledger.verify().found == [])
    }

    @Test("checkpoints that can't be believed are refused")
    func checkpoints() throws {
        var ledger = try ledger()
        let root = try Checkpoint(text: SignedNote(parsing: ledger.checkpoints[2]).text).root
        ledger.checkpoints[2] = try MemoryLedger.checkpoint(size: 600, root: root, signer: TestKeys.otherLog).bytes
        var report = try ledger.verify()
        #expect(report.found == ["checkpoint_refused -"])
        #expect(report.treeSize == 256)
        ledger.checkpoints = [Array("nonsense".utf8)]
        report = try ledger.verify()
        #expect(report.found == ["checkpoint_refused -", "no_checkpoint -"])
        #expect(!report.isOK)
    }

    @Test("two stories of one size are a fork")
    func fork() throws {
        var ledger = try ledger()
        ledger.checkpoints.append(try MemoryLedger.checkpoint(size: 256, root: MerkleTree.emptyRoot).bytes)
        #expect(try ledger.verify().found == ["fork 256", "root_mismatch 256"])
    }

    @Test("history rewritten with the log's key is caught by a checkpoint kept outside")
    func rewritten() throws {
        let honest = try ledger()
        let outside = try honest.checkpoints.map { try Checkpoint(text: SignedNote(parsing: $0).text) }
        #expect(try honest.verify(outside: outside).found == [])
        var forged = MemoryLedger.entries(600)
        forged[300] = Array("{\"number\":0}".utf8)
        let rewritten = try MemoryLedger(forged, checkpointsAt: [100, 256, 600])
        #expect(try rewritten.verify().isOK)
        #expect(try rewritten.verify(outside: outside).found == ["history_rewritten 600"])
        #expect(try rewritten.verify(outside: Array(outside.prefix(2))).isOK)
        // A backup from before.
        let restored = try MemoryLedger(MemoryLedger.entries(600), checkpointsAt: [100, 256])
        #expect(try restored.verify(outside: outside).found == ["rolled_back 256"])
    }

    @Test("a witness's quorum is asked for")
    func quorum() throws {
        let policy = try CheckpointPolicy(
            origin: TestKeys.log.verifier.name, logKeys: [TestKeys.log.verifier],
            witnessKeys: [TestKeys.witness(1).verifier], requiredCosignatures: 1)
        var ledger = try ledger()
        #expect(try ledger.verify(policy: policy).problemCount == 4)
        ledger.checkpoints = try ledger.checkpoints.map {
            var note = try SignedNote(parsing: $0)
            note.add(try TestKeys.witness(1).sign(note.text, time: 9))
            return note.bytes
        }
        #expect(try ledger.verify(policy: policy).isOK)
    }

    @Test("any single byte changed in any file is found")
    func anyByte() throws {
        let honest = try MemoryLedger(MemoryLedger.entries(300), checkpointsAt: [20, 300])
        var generator = SeededGenerator(state: 300)
        let addresses = honest.files.keys.sorted { $0.path < $1.path }
        let needed = Set(TileAddress.added(from: 0, to: 300) + TileAddress.addedEntries(from: 0, to: 300))
        for _ in 0..<Drill.rounds(short: 60, long: 3000) {
            var ledger = honest
            let address = addresses.randomElement(using: &generator)!
            let position = Int.random(in: 0..<ledger.files[address]!.count, using: &generator)
            ledger.files[address]![position] ^= UInt8.random(in: 1...255, using: &generator)
            // Partial tiles of the older size are part of no tree that is verified here.
            #expect(try ledger.verify().isOK == !needed.contains(address), "\(address) \(position)")
        }
        for position in 0..<honest.checkpoints[1].count {
            var ledger = honest
            ledger.checkpoints[1][position] ^= 1
            #expect(try !ledger.verify().isOK)
        }
    }

    @Test("a report's JSON has the members that scripts rely on")
    func json() throws {
        var ledger = try ledger()
        ledger.checkpoints.append(Array("nonsense".utf8))
        try ledger.edit(first) { $0[5] = Array("{}".utf8) }
        let report = try ledger.verify()
        let text = String(decoding: try CanonicalJSON.encode(JSONValueEncoder.encode(report)), as: UTF8.self)
        let refused = report.problems[0].message
        #expect(
            text == """
                {"checkpoints":3,"entries":600,"ok":false,"problem_count":2,"problems":[{"code":"checkpoint_refused",\
                "message":"\(refused)"},{"code":"entry_changed","index":5,\
                "message":"entry 5 is not the one that was recorded"}],"root":"\(report.root)","tree_size":600}
                """)
    }

    @Test("problems beyond the thousandth are counted")
    func many() throws {
        let entries = MemoryLedger.entries(1500)
        var ledger = try MemoryLedger(entries, checkpointsAt: [1500])
        for address in TileAddress.addedEntries(from: 0, to: 1500) {
            ledger.files[address] = try EntryBundle.encode(MemoryLedger.entries(address.width, from: 5000))
        }
        let report = try ledger.verify()
        #expect(report.problems.count == VerificationReport.maximumProblems)
        #expect(report.problemCount == 1500)
    }
}
