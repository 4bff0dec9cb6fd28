import Testing

@testable import Ledger

@Suite("Proofs that stand by themselves (C2SP tlog-proof)")
struct TlogProofTests {
    private static let entries = (0..<11).map { Array("{\"entry\":\($0)}".utf8) }

    private func proof(index: Int, extra: [UInt8]? = nil) throws -> TlogProof {
        let tree = NaiveTree(leaves: Self.entries.map { MerkleTree.leafHash($0) })
        let log = TestKeys.log
        let checkpoint = try Checkpoint(origin: log.verifier.name, size: 11, root: tree.root(size: 11))
        let note = try SignedNote(text: checkpoint.text, signatures: [log.sign(checkpoint.text)])
        return TlogProof(
            extra: extra, index: index, hashes: try InclusionProof(index: index, treeSize: 11, from: tree).hashes,
            checkpoint: note)
    }

    @Test("each entry's proof is written, read and verified with nothing but a key")
    func roundTrip() throws {
        let policy = try CheckpointPolicy(origin: TestKeys.log.verifier.name, logKeys: [TestKeys.log.verifier])
        for (index, entry) in Self.entries.enumerated() {
            let written = try proof(index: index, extra: index == 3 ? [1, 2] : nil)
            let read = try TlogProof(parsing: written.bytes)
            #expect(read == written)
            #expect(try read.verify(entry: entry, policy: policy).checkpoint.size == 11)
            #expect(throws: LedgerError.self) { try read.verify(entry: entry + [0], policy: policy) }
            var elsewhere = read
            elsewhere.index = (index + 1) % 11
            #expect(throws: LedgerError.self) { try elsewhere.verify(entry: entry, policy: policy) }
        }
        let stranger = try CheckpointPolicy(origin: TestKeys.log.verifier.name, logKeys: [TestKeys.otherLog.verifier])
        #expect(throws: LedgerError.self) { try proof(index: 0).verify(entry: Self.entries[0], policy: stranger) }
    }

    @Test("the text is laid out as the specification says")
    func layout() throws {
        let text = String(decoding: try proof(index: 10, extra: [0x61]).bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0..<3] == ["c2sp.org/tlog-proof@v1", "extra YQ==", "index 10"])
        #expect(lines[5...6] == ["", "log.example/longview"])
        #expect(MerkleHash(base64: lines[3]) != nil)
    }

    @Test("what is not a proof is refused")
    func malformed() throws {
        let text = String(decoding: try proof(index: 4).bytes, as: UTF8.self)
        for (old, new) in [
            ("@v1", "@v2"), ("index 4", "index 04"), ("index 4", "index -4"), ("index 4", "idx 4"),
            ("index 4", "extra \nindex"), ("index 4", "extra !\nindex 4"), ("=\n", "\n"), ("\n\nlog", "\nlog"),
            ("index 4\n", "index 4\n" + String(repeating: MerkleTree.emptyRoot.base64 + "\n", count: 64)),
        ] {
            #expect(throws: LedgerError.self, "\(new)") {
                try TlogProof(parsing: Array(text.replacing(old, with: new).utf8))
            }
        }
        for count in stride(from: 0, to: text.utf8.count, by: 7) {
            #expect(throws: LedgerError.self) { try TlogProof(parsing: Array(text.utf8.prefix(count))) }
        }
    }
}
