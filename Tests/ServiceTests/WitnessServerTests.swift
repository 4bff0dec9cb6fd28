import Foundation
import Glibc
import Ledger
import Logging
import Service
import TestSupport
import Testing

@Suite("A witness over HTTP", .serialized)
struct WitnessServerTests {
    private let log = ServedLog(size: 40)
    private let signer = ServedLog.witness(1)

    @Test("a checkpoint is cosigned, once more when repeated, and a log that grows is cosigned on")
    func accept() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        let policy = try CheckpointPolicy(
            origin: ServedLog.signer.verifier.name, logKeys: [ServedLog.signer.verifier],
            witnessKeys: [signer.verifier], requiredCosignatures: 1)
        let start = UInt64(Date().timeIntervalSince1970)
        for (old, new) in [(0, 8), (8, 8), (8, 20), (20, 40)] {
            let request = try log.request(from: old, to: new)
            let answer = try await witness.post(request.bytes)
            #expect(answer.status == 200)
            let note = try SignedNote(parsing: request.note.bytes + Array(answer.body.utf8))
            let verified = try policy.open(note)
            #expect(verified.checkpoint.size == new)
            let time = try #require(verified.cosignatureTimes.values.first)
            #expect((start...UInt64(Date().timeIntervalSince1970)).contains(time))
        }
    }

    @Test("forks, wrong sizes, strangers, nonsense and floods are refused with the specification's statuses")
    func refusals() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        #expect(try await witness.post(log.request(from: 0, to: 20).bytes).status == 200)
        let fork = ServedLog(size: 40, first: 1)
        #expect(try await witness.post(fork.request(from: 20, to: 20).bytes).status == 409)
        #expect(try await witness.post(fork.request(from: 20, to: 40).bytes).status == 422)
        let conflict = try await witness.post(log.request(from: 8, to: 40).bytes)
        #expect(conflict.status == 409)
        #expect(conflict.type == "text/x.tlog.size")
        #expect(conflict.body == "20\n")
        let stranger = ServedLog.key("other.example/log", .ed25519, seed: 3)
        #expect(try await witness.post(log.request(from: 20, to: 40, signer: stranger).bytes).status == 404)
        let forger = ServedLog.key(ServedLog.signer.verifier.name, .ed25519, seed: 4)
        #expect(try await witness.post(log.request(from: 20, to: 40, signer: forger).bytes).status == 403)
        #expect(try await witness.post(log.request(from: 20, to: 8).bytes).status == 400)
        #expect(try await witness.post(Array("old".utf8)).status == 400)
        #expect(try await witness.post([UInt8](repeating: 0x41, count: 1 << 20)).status == 413)
        #expect(try await witness.post([], path: "/").status == 404)
        #expect(try await witness.post(log.request(from: 20, to: 40).bytes).status == 200)
    }

    @Test("one at a time: of many requests from one size, one wins and the others learn its size")
    func races() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        let requests = try (1...30).map { try log.request(from: 0, to: $0).bytes }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for request in requests { group.addTask { try await witness.post(request).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1)
        #expect(statuses.filter { $0 == 409 }.count == 29)
    }

    @Test("a witness that is killed the moment it has kept a checkpoint remembers it")
    func killed() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        for (old, new) in [(0, 5), (5, 11), (11, 40)] {
            let before = try Data(contentsOf: witness.state)
            let request = try log.request(from: old, to: new).bytes
            // The answer is nobody's concern: it may be sent or not.
            async let answer: Void = { _ = try? await witness.post(request) }()
            while try Data(contentsOf: witness.state) == before { usleep(50) }
            witness.kill()
            await answer
            try witness.start()
            let again = try await witness.post(request)
            #expect(again.status == (old == new ? 200 : 409))
            #expect(again.body == "\(new)\n")
            #expect(try await witness.post(log.request(from: new, to: new).bytes).status == 200)
        }
        // Never a fork, whatever was cut off.
        #expect(try await witness.post(ServedLog(size: 40, first: 1).request(from: 40, to: 40).bytes).status == 409)
    }

    @Test("a half-written draft of the state is of no effect; a damaged state is refused")
    func damaged() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        #expect(try await witness.post(log.request(from: 0, to: 8).bytes).status == 200)
        witness.kill()
        try Data("[{\"origin".utf8).write(to: witness.folder.appendingPathComponent("state.new"))
        try witness.start()
        #expect(try await witness.post(log.request(from: 8, to: 20).bytes).status == 200)
        witness.kill()
        try Data("[{\"origin".utf8).write(to: witness.state)
        #expect(throws: WitnessProcess.Unstarted.self) { try witness.start() }
    }

    @Test("a second process does not get the state of the first, and the first ends gracefully")
    func locked() async throws {
        let witness = try WitnessProcess(signer)
        defer { witness.end() }
        let one = try Witness(signer: signer, logs: [:])
        let error = #expect(throws: LedgerError.self) { try WitnessState(path: witness.state.path, witness: one) }
        #expect(error?.message.contains("another process") == true)
        witness.kill(SIGTERM)
        #expect(witness.process.terminationStatus == 0)
        #expect(witness.process.terminationReason == .exit)
        _ = try WitnessState(path: witness.state.path, witness: one)
    }
}
