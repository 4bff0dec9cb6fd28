import Testing

@testable import Ledger

@Suite("Witness (C2SP tlog-witness)")
struct WitnessTests {
    private let tree = NaiveTree(leaves: (0..<20).map { MerkleTree.leafHash([UInt8($0)]) })
    private let witness = try! Witness(
        signer: TestKeys.witness(1), logs: [TestKeys.log.verifier.name: [TestKeys.log.verifier]])

    private func request(
        old: Int, new: Int, proof: [MerkleHash]? = nil, root: MerkleHash? = nil, origin: String? = nil,
        signer: NoteSigner = TestKeys.log
    ) throws -> AddCheckpointRequest {
        let checkpoint = try Checkpoint(
            origin: origin ?? TestKeys.log.verifier.name, size: new, root: root ?? tree.root(size: new))
        let made = old <= new ? try ConsistencyProof(oldSize: old, newSize: new, from: tree).hashes : []
        return try AddCheckpointRequest(
            oldSize: old, proof: proof ?? made,
            note: SignedNote(text: checkpoint.text, signatures: [signer.sign(checkpoint.text)]))
    }

    private func status(_ request: AddCheckpointRequest, seen size: Int) throws -> Int {
        let seen = Witness.Seen(size: size, root: try tree.root(size: size))
        switch try witness.decide(request, seen: seen, time: 1) {
        case .accepted: return 200
        case .refused(let refusal): return refusal.status
        }
    }

    @Test("a log that grows is cosigned step by step, and the answer is a cosignature on the checkpoint")
    func growth() throws {
        var seen = Witness.Seen.nothing
        let policy = try CheckpointPolicy(
            origin: TestKeys.log.verifier.name, logKeys: [TestKeys.log.verifier],
            witnessKeys: [TestKeys.witness(1).verifier], requiredCosignatures: 1)
        for size in [0, 0, 1, 5, 5, 8, 20] {
            let sent = try request(old: seen.size, new: size)
            let received = try AddCheckpointRequest(parsing: sent.bytes)
            #expect(received == sent)
            guard case .accepted(let next, let body) = try witness.decide(received, seen: seen, time: 1_700_000_000)
            else {
                Issue.record("size \(size) was refused")
                return
            }
            seen = next
            // As the specification suggests to clients: the answer is appended to the note.
            let note = try SignedNote(parsing: received.note.bytes + Array(body.utf8))
            let verified = try policy.open(note)
            #expect(verified.checkpoint.size == size)
            #expect(Array(verified.cosignatureTimes.values) == [1_700_000_000])
        }
        #expect(seen == .init(size: 20, root: try tree.root(size: 20)))
    }

    @Test("the statuses of the specification, in its order")
    func statuses() throws {
        let other = MerkleTree.leafHash([99])
        #expect(try status(request(old: 5, new: 8), seen: 5) == 200)
        #expect(try status(request(old: 5, new: 8, origin: "unknown.example"), seen: 5) == 404)
        #expect(
            try status(request(old: 5, new: 8, origin: "unknown.example", signer: TestKeys.otherLog), seen: 5) == 404)
        #expect(try status(request(old: 5, new: 8, signer: TestKeys.otherLog), seen: 5) == 403)
        #expect(try status(request(old: 9, new: 8, signer: TestKeys.otherLog), seen: 5) == 403)
        #expect(try status(request(old: 9, new: 8), seen: 5) == 400)
        #expect(try status(request(old: 4, new: 8), seen: 5) == 409)
        #expect(try status(request(old: 0, new: 8), seen: 5) == 409)
        #expect(try status(request(old: 5, new: 5, root: other), seen: 5) == 409)
        #expect(try status(request(old: 5, new: 5), seen: 5) == 200)
        #expect(try status(request(old: 5, new: 5, proof: [other]), seen: 5) == 422)
        #expect(try status(request(old: 5, new: 8, proof: []), seen: 5) == 422)
        #expect(try status(request(old: 5, new: 8, root: other), seen: 5) == 422)
        #expect(try status(request(old: 0, new: 8, proof: [other]), seen: 0) == 422)
        #expect(try status(request(old: 0, new: 0, root: other), seen: 0) == 409)
    }

    @Test("a conflict names the size to start from")
    func conflict() throws {
        let seen = Witness.Seen(size: 5, root: try tree.root(size: 5))
        guard case .refused(let refusal) = try witness.decide(request(old: 0, new: 8), seen: seen, time: 1) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.contentType == "text/x.tlog.size")
        #expect(refusal.body == "5\n")
    }

    @Test("the specification's request is read, and written as it was")
    func example() throws {
        let text = """
            old 20852014
            PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
            jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
            5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
            /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

            example.com/behind-the-sofa
            20852163
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
            — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=

            """
        let request = try AddCheckpointRequest(parsing: Array(text.utf8))
        #expect(request.oldSize == 20_852_014)
        #expect(request.proof.count == 4)
        #expect(request.checkpoint.size == 20_852_163)
        #expect(request.note.signatures.count == 2)
        #expect(request.bytes == Array(text.utf8))
    }

    @Test("what is not a request is refused")
    func malformed() throws {
        let text = String(decoding: try request(old: 5, new: 8).bytes, as: UTF8.self)
        for (old, new) in [
            ("old 5", "old 05"), ("old 5", "old -5"), ("old 5", "Old 5"), ("old 5", "old"), ("old 5\n", ""),
            ("\n\nlog", "\nlog"), ("=\n", "\n"), ("\n8\n", "\n08\n"),
            ("old 5\n", "old 5\n" + String(repeating: MerkleTree.emptyRoot.base64 + "\n", count: 63)),
        ] {
            #expect(throws: LedgerError.self, "\(new)") {
                try AddCheckpointRequest(parsing: Array(text.replacing(old, with: new).utf8))
            }
        }
        let error = #expect(throws: LedgerError.self) { try AddCheckpointRequest(parsing: [0xFF]) }
        #expect(Witness.Refusal.badRequest(error!).status == 400)
    }

    @Test("a good signature counts beside a spoilt one by another of the log's keys")
    func rotation() throws {
        let both = try Witness(
            signer: TestKeys.witness(1),
            logs: [TestKeys.log.verifier.name: [TestKeys.otherLog.verifier, TestKeys.log.verifier]])
        var note = try request(old: 0, new: 8).note
        note.add(NoteSignature(id: TestKeys.otherLog.verifier.id, bytes: [UInt8](repeating: 1, count: 64)))
        let sent = try AddCheckpointRequest(oldSize: 0, proof: [], note: note)
        guard case .accepted = try both.decide(sent, seen: .nothing, time: 1) else {
            Issue.record("refused")
            return
        }
    }
}
