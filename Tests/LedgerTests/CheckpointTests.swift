import Crypto
import Testing

@testable import Ledger

@Suite("Checkpoints, cosignatures, policies (C2SP)")
struct CheckpointTests {
    // C2SP tlog-checkpoint's and tlog-cosignature's examples.
    private static let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    private static let note =
        text + """

            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
            — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==

            """

    @Test("the specifications' example is read, and written as it was")
    func example() throws {
        let note = try SignedNote(parsing: Array(Self.note.utf8))
        let checkpoint = try Checkpoint(text: note.text)
        #expect(checkpoint.origin == "example.com/behind-the-sofa")
        #expect(checkpoint.size == 20_852_163)
        #expect(checkpoint.root.base64 == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
        #expect(checkpoint.text == Self.text)
        #expect(note.description == Self.note)
        let cosignature = try #require(Cosignature(bytes: note.signatures[1].bytes))
        #expect(cosignature.timestamp == 1_679_315_147)
        let message = "cosignature/v1\ntime 1679315147\n" + Self.text
        #expect(Cosignature.message(text: note.text, timestamp: cosignature.timestamp) == Array(message.utf8))
    }

    @Test("the checkpoint of Go's checksum database is one")
    func goSum() throws {
        // golang.org/x/mod/sumdb/tlog, note_test.go.
        let text = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"
        let checkpoint = try Checkpoint(
            origin: "go.sum database tree", size: 123_456_789_012, root: MerkleTree.leafHash(Array("hello world".utf8)))
        #expect(checkpoint.text == text)
        #expect(try Checkpoint(text: text) == checkpoint)
    }

    @Test(
        "what is not a checkpoint is refused",
        arguments: [
            "", "\n", "o\n1\n", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n0x1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n9223372036854775808\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
            "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
            "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
            "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nx\n\ny\n",
        ])
    func malformed(text: String) {
        #expect(throws: LedgerError.self) { try Checkpoint(text: text) }
    }

    @Test("extension lines are kept")
    func extensions() throws {
        let checkpoint = try Checkpoint(origin: "o", size: 0, root: MerkleTree.emptyRoot, extensions: ["a", "b c"])
        #expect(checkpoint.text == "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\na\nb c\n")
        #expect(try Checkpoint(text: checkpoint.text) == checkpoint)
        for bad in ["", "a\nb"] {
            #expect(throws: LedgerError.self) {
                try Checkpoint(origin: "o", size: 0, root: MerkleTree.emptyRoot, extensions: [bad])
            }
        }
    }

    @Test("a cosignature signs the time with the text; another time does not verify")
    func cosignature() throws {
        let key = TestKeys.witness(1)
        let signature = try key.sign(Self.text, time: 1_679_315_147)
        #expect(key.verifier.verifies(signature.bytes, of: Self.text))
        #expect(signature.bytes.prefix(8) == [0, 0, 0, 0, 0x64, 0x18, 0x50, 0xCB])
        var later = signature.bytes
        later[7] += 1
        #expect(!key.verifier.verifies(later, of: Self.text))
        #expect(!key.verifier.verifies(signature.bytes, of: Self.text + "x\n"))
        #expect(Cosignature(bytes: [0x80] + Array(repeating: 0, count: 71)) == nil)
        #expect(Cosignature(bytes: Array(repeating: 0, count: 71)) == nil)
        // The same key under another type has another id.
        #expect(key.verifier.description.hasPrefix("witness.example/w1+"))
        #expect(try NoteVerifier(key.verifier.description) == key.verifier)
    }

    @Test("a policy wants its origin, one of the log's keys, and its number of witnesses")
    func policy() throws {
        let log = TestKeys.log
        let witnesses = (1...3).map(TestKeys.witness)
        let checkpoint = try Checkpoint(origin: log.verifier.name, size: 7, root: MerkleTree.emptyRoot)
        func note(_ signers: [NoteSigner]) throws -> SignedNote {
            try SignedNote(text: checkpoint.text, signatures: signers.map { try $0.sign(checkpoint.text, time: 5) })
        }
        func open(_ signers: [NoteSigner], _ required: Int, origin: String = log.verifier.name) throws
            -> VerifiedCheckpoint
        {
            try CheckpointPolicy(
                origin: origin, logKeys: [TestKeys.otherLog.verifier, log.verifier],
                witnessKeys: witnesses.map(\.verifier), requiredCosignatures: required
            ).open(note(signers))
        }
        func code(_ body: () throws -> VerifiedCheckpoint) -> LedgerError.Code? {
            #expect(throws: LedgerError.self) { _ = try body() }?.code
        }
        let opened = try open([log, witnesses[0], witnesses[2]], 2)
        #expect(opened.checkpoint == checkpoint)
        #expect(opened.cosignatureTimes == [witnesses[0].verifier.id: 5, witnesses[2].verifier.id: 5])
        #expect(try open([log], 0).cosignatureTimes.isEmpty)
        #expect(code { try open([log, witnesses[0]], 2) } == .insufficientSignatures)
        #expect(code { try open([witnesses[0], witnesses[1]], 2) } == .insufficientSignatures)
        #expect(code { try open([log], 0, origin: "example.com/other") } == .wrongOrigin)
        #expect(try open([log, TestKeys.witness(9)], 0).cosignatureTimes.isEmpty)
        var forged = try note([witnesses[0], log])
        let other = try log.sign(checkpoint.text + "x\n")
        forged.add(NoteSignature(id: log.verifier.id, bytes: other.bytes))
        let policy = try CheckpointPolicy(origin: log.verifier.name, logKeys: [log.verifier])
        #expect(code { try policy.open(forged) } == .invalidSignature)
    }

    @Test("a retired key signs no checkpoint beyond the size at which it was retired")
    func retirement() throws {
        let (old, new) = (TestKeys.log, TestKeys.otherLog)
        let policy = try CheckpointPolicy(
            origin: old.verifier.name, logKeys: [old.verifier, new.verifier], retiredAt: [old.verifier.id: 7])
        func note(_ size: Int, _ signers: [NoteSigner]) throws -> SignedNote {
            let text = try Checkpoint(origin: policy.origin, size: size, root: MerkleTree.emptyRoot).text
            return try SignedNote(text: text, signatures: signers.map { try $0.sign(text) })
        }
        #expect(try policy.open(note(7, [old])).checkpoint.size == 7)
        #expect(try policy.open(note(8, [old, new])).checkpoint.size == 8)
        let error = #expect(throws: LedgerError.self) { try policy.open(note(8, [old])) }
        #expect(error?.code == .insufficientSignatures)
    }

    @Test("a policy that can't be met, or that one key could meet twice, is refused")
    func impossiblePolicies() throws {
        let log = TestKeys.log.verifier
        let witness = TestKeys.witness(1).verifier
        let alias = try NoteVerifier(
            name: "another.example", algorithm: .cosignatureV1,
            publicKey: Curve25519.Signing.PublicKey(rawRepresentation: witness.publicKey))
        for (logs, witnesses, required) in [
            ([], [witness], 0), ([witness], [], 0), ([log], [log], 0), ([log], [witness], 2), ([log], [witness], -1),
            ([log], [witness, alias], 2),
        ] as [([NoteVerifier], [NoteVerifier], Int)] {
            #expect(throws: LedgerError.self) {
                try CheckpointPolicy(origin: "o", logKeys: logs, witnessKeys: witnesses, requiredCosignatures: required)
            }
        }
    }
}

/// Keys of fixed seeds; secret from nobody.
enum TestKeys {
    static let log = signer("log.example/longview", .ed25519, seed: 1)
    static let otherLog = signer("log.example/longview", .ed25519, seed: 2)

    static func witness(_ number: UInt8) -> NoteSigner {
        signer("witness.example/w\(number)", .cosignatureV1, seed: 100 + number)
    }

    private static func signer(_ name: String, _ algorithm: NoteAlgorithm, seed: UInt8) -> NoteSigner {
        let key = try! Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
        return try! NoteSigner(name: name, algorithm: algorithm, key: key)
    }
}
