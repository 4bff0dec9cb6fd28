import AsyncHTTPClient
public import Ledger
import NIOCore

/// Gathers cosignatures of a log's new checkpoint from its witnesses (C2SP tlog-witness), from all at once.
public struct WitnessClient: Sendable {
    /// A witness.
    public struct Endpoint: Sendable, Hashable {
        /// Its submission prefix, without `/add-checkpoint`.
        public var url: String
        /// The key that it cosigns with.
        public var key: NoteVerifier

        /// A witness at an address, with its key.
        public init(url: String, key: NoteVerifier) {
            self.url = url
            self.key = key
        }
    }

    /// Why a witness has not cosigned.
    public enum Failure: Error, Sendable, Equatable {
        /// No answer in time, or no connection.
        case unreachable(String)
        /// It answered with this status and text.
        case refused(status: Int, reason: String)
        /// It has cosigned more entries than the log has now: the log was rolled back, or another one took its name.
        case rolledBack(witnessSize: Int)
        /// It has cosigned another root of this size.
        case forked(size: Int)
        /// Its answer is no cosignature by its key on this checkpoint.
        case badCosignature
        /// No consistency proof could be made.
        case proof(String)
    }

    /// What came of it.
    public struct Result: Sendable {
        /// The checkpoint with the cosignatures that verify.
        public var note: SignedNote
        /// The witnesses that did not cosign.
        public var failures: [NoteKeyID: Failure]
    }

    private let witnesses: [Endpoint]
    private let timeout: TimeAmount
    private let client: HTTPClient
    private static let maximumAnswer = 1 << 14

    /// A client of these witnesses, each of which has `timeout` for all its answers together.
    public init(witnesses: [Endpoint], timeout: Duration = .seconds(5)) {
        self.witnesses = witnesses
        let parts = timeout.components
        self.timeout = .nanoseconds(parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
        client = .shared
    }

    /// Asks every witness for its cosignature of `note`, the log's own signed checkpoint.
    /// - Parameters:
    ///   - lastSizes: the size that each is believed to have seen last, by its key; 0 where nothing is known. A witness
    ///     that has seen another says so, and is asked again.
    ///   - proof: makes the consistency proof from a size to the checkpoint's.
    /// - Returns: when all have answered or timed out. Whether that is enough is for a ``CheckpointPolicy`` to say.
    /// - Throws: ``LedgerError`` (`malformedCheckpoint`) where `note` is no checkpoint.
    public func cosign(
        _ note: SignedNote, lastSizes: [NoteKeyID: Int] = [:],
        proof: @escaping @Sendable (_ oldSize: Int) async throws -> [MerkleHash]
    ) async throws -> Result {
        let size = try Checkpoint(text: note.text).size
        return await withTaskGroup(of: (Endpoint, Swift.Result<NoteSignature, Failure>).self) { group in
            for witness in witnesses {
                group.addTask {
                    let deadline = NIODeadline.now() + timeout
                    do throws(Failure) {
                        let old = min(lastSizes[witness.key.id] ?? 0, size)
                        let signature = try await ask(witness, note, size, from: old, until: deadline, proof)
                        return (witness, .success(signature))
                    } catch {
                        return (witness, .failure(error))
                    }
                }
            }
            var result = Result(note: note, failures: [:])
            for await (witness, answer) in group {
                switch answer {
                case .success(let signature): result.note.add(signature)
                case .failure(let failure): result.failures[witness.key.id] = failure
                }
            }
            return result
        }
    }

    private func ask(
        _ witness: Endpoint, _ note: SignedNote, _ size: Int, from first: Int, until deadline: NIODeadline,
        _ proof: @Sendable (_ oldSize: Int) async throws -> [MerkleHash]
    ) async throws(Failure) -> NoteSignature {
        var oldSize = first
        // What the witness has seen may change between two questions, where several publishers ask; not for ever.
        for _ in 0..<3 {
            let request: AddCheckpointRequest
            do {
                let hashes = oldSize == 0 || oldSize == size ? [] : try await proof(oldSize)
                request = try AddCheckpointRequest(oldSize: oldSize, proof: hashes, note: note)
            } catch {
                throw .proof("\(error)")
            }
            let answer = try await post(request, to: witness, until: deadline)
            switch answer.status {
            case 200:
                guard let signature = Self.cosignature(answer.body, of: note, by: witness.key) else {
                    throw .badCosignature
                }
                return signature
            case 409:
                guard let seen = Self.size(answer.body) else {
                    throw .refused(status: 409, reason: Self.reason(answer.body))
                }
                if seen > size { throw .rolledBack(witnessSize: seen) }
                if seen == oldSize { throw .forked(size: seen) }
                oldSize = seen
            default: throw .refused(status: answer.status, reason: Self.reason(answer.body))
            }
        }
        throw .refused(status: 409, reason: "the witness names another size each time")
    }

    private func post(
        _ body: AddCheckpointRequest, to witness: Endpoint, until deadline: NIODeadline
    ) async throws(Failure) -> (status: Int, body: [UInt8]) {
        var url = witness.url
        while url.hasSuffix("/") { url.removeLast() }
        var request = HTTPClientRequest(url: url + "/add-checkpoint")
        request.method = .POST
        request.headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        request.body = .bytes(body.bytes)
        do {
            let response = try await client.execute(request, deadline: deadline)
            let body = try await response.body.collect(upTo: Self.maximumAnswer)
            return (Int(response.status.code), Array(body.readableBytesView))
        } catch {
            throw .unreachable("\(error)")
        }
    }

    /// The cosignature of an answer: one that verifies, by the witness's own key.
    private static func cosignature(_ body: [UInt8], of note: SignedNote, by key: NoteVerifier) -> NoteSignature? {
        guard let answer = try? SignedNote(parsing: Array("\(note.text)\n".utf8) + body) else { return nil }
        return answer.signatures.first { $0.id == key.id && key.verifies($0.bytes, of: note.text) }
    }

    private static func size(_ body: [UInt8]) -> Int? {
        let text = String(decoding: body.last == 0x0A ? body.dropLast() : body[...], as: UTF8.self)
        guard let size = Int(text), size >= 0, String(size) == text else { return nil }
        return size
    }

    /// The beginning of an answer's text, without control characters.
    private static func reason(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 }))
    }
}
