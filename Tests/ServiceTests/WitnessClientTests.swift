import Foundation
import Ledger
import Service
import TestSupport
import Testing

@Suite("Gathering cosignatures", .serialized)
struct WitnessClientTests {
    private let log = ServedLog(size: 40)

    private func client(
        _ witnesses: [(url: String, key: NoteVerifier)], timeout: Duration = .seconds(60)
    ) -> WitnessClient {
        WitnessClient(witnesses: witnesses.map { .init(url: $0.url, key: $0.key) }, timeout: timeout)
    }

    private func cosign(
        _ client: WitnessClient, _ size: Int, of log: ServedLog? = nil, last: [NoteKeyID: Int] = [:]
    ) async throws -> WitnessClient.Result {
        let log = log ?? self.log
        return try await client.cosign(log.note(at: size), lastSizes: last) { try log.proof(from: $0, to: size) }
    }

    private func policy(_ keys: [NoteVerifier], required: Int) throws -> CheckpointPolicy {
        try CheckpointPolicy(
            origin: ServedLog.signer.verifier.name, logKeys: [ServedLog.signer.verifier], witnessKeys: keys,
            requiredCosignatures: required)
    }

    @Test("both witnesses cosign; one that knows another size is asked again with a proof from there")
    func both() async throws {
        let keys = [1, 2].map { ServedLog.witness($0) }
        let witnesses = try keys.map { try WitnessProcess($0) }
        defer { witnesses.forEach { $0.end() } }
        let client = client(zip(witnesses, keys).map { ($0.url + "/", $1.verifier) })
        for (size, last) in [(8, 0), (20, 0), (20, 0), (40, 20)] {
            let result = try await cosign(client, size, last: [keys[0].verifier.id: last])
            #expect(result.failures.isEmpty)
            let verified = try policy(keys.map(\.verifier), required: 2).open(result.note)
            #expect(verified.checkpoint.size == size)
        }
    }

    @Test("with one witness dead, the other's cosignature meets a policy of one in two", arguments: [true, false])
    func oneDead(isRefusing: Bool) async throws {
        let keys = [1, 2].map { ServedLog.witness($0) }
        let witness = try WitnessProcess(keys[0])
        // Nobody listens, or somebody who never answers.
        let silent = try SilentListener(accepts: !isRefusing)
        defer {
            witness.end()
            silent.close()
        }
        let client = client(
            [(witness.url, keys[0].verifier), ("http://127.0.0.1:\(silent.port)", keys[1].verifier)],
            timeout: .seconds(6))
        let result = try await cosign(client, 20)
        guard case .unreachable? = result.failures[keys[1].verifier.id] else {
            Issue.record("\(result.failures)")
            return
        }
        _ = try policy(keys.map(\.verifier), required: 1).open(result.note)
        #expect(throws: LedgerError.self) { try policy(keys.map(\.verifier), required: 2).open(result.note) }
    }

    @Test("a witness that has seen more, or another story, says so by name")
    func rolledBack() async throws {
        let key = ServedLog.witness(1)
        let witness = try WitnessProcess(key)
        defer { witness.end() }
        let client = client([(witness.url, key.verifier)])
        #expect(try await cosign(client, 20).failures.isEmpty)
        #expect(try await cosign(client, 8).failures == [key.verifier.id: .rolledBack(witnessSize: 20)])
        let fork = ServedLog(size: 40, first: 1)
        #expect(try await cosign(client, 20, of: fork).failures == [key.verifier.id: .forked(size: 20)])
        guard case .refused(422, _)? = try await cosign(client, 40, of: fork).failures[key.verifier.id] else {
            Issue.record("a fork was not refused")
            return
        }
    }

    @Test("a cosignature that does not verify is not taken, whoever sends it")
    func wrongKey() async throws {
        let witness = try WitnessProcess(ServedLog.witness(1))
        defer { witness.end() }
        // A key of the same name, and a witness that answers for another.
        let impostor = ServedLog.key("witness.example/w1", .cosignatureV1, seed: 9).verifier
        for key in [impostor, ServedLog.witness(2).verifier] {
            let result = try await cosign(client([(witness.url, key)]), 20)
            #expect(result.failures == [key.id: .badCosignature])
            #expect(result.note.signatures.count == 1)
        }
    }
}
