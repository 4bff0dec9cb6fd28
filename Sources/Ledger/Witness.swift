/// A witness's judgement of a checkpoint: C2SP tlog-witness as a function of what it saw before.
///
/// The caller looks up the latest checkpoint of the request's origin, asks for the decision, and keeps the new state on
/// disk before it answers; look-up and keeping must be one step, or an older checkpoint could replace a newer one.
public struct Witness: Sendable {
    /// What a witness remembers of a log.
    public struct Seen: Sendable, Equatable {
        /// The size of the latest checkpoint it cosigned.
        public var size: Int
        /// Its root.
        public var root: MerkleHash

        /// A checkpoint that was cosigned.
        public init(size: Int, root: MerkleHash) {
            self.size = size
            self.root = root
        }

        /// What a witness knows of a log it has cosigned nothing of.
        public static let nothing = Seen(size: 0, root: MerkleTree.emptyRoot)
    }

    /// What to answer.
    public enum Decision: Sendable, Equatable {
        /// Status 200: keep `seen`, then send `body`, the cosignature's line.
        case accepted(seen: Seen, body: String)
        /// Send the refusal; nothing changes.
        case refused(Refusal)
    }

    /// An answer that is no cosignature.
    public struct Refusal: Sendable, Equatable {
        /// 400 bad request, 403 no trusted signature, 404 unknown origin, 409 another size or root, 422 bad proof.
        public var status: Int
        /// `text/x.tlog.size` where the body is the size to start from.
        public var contentType: String
        /// A size, or the reason.
        public var body: String

        init(_ status: Int, _ reason: String) {
            self.status = status
            contentType = "text/plain; charset=utf-8"
            body = reason + "\n"
        }

        init(conflictAt size: Int) {
            status = 409
            contentType = "text/x.tlog.size"
            body = "\(size)\n"
        }

        /// The answer to a request that could not be read.
        public static func badRequest(_ error: LedgerError) -> Refusal { Refusal(400, error.message) }
    }

    private let signer: NoteSigner
    private let logs: [String: [NoteVerifier]]

    /// A witness that signs with `signer`, a key of type 4, for the logs with these origins and keys.
    /// - Throws: ``LedgerError`` (`malformedKey`) for a key of another type.
    public init(signer: NoteSigner, logs: [String: [NoteVerifier]]) throws {
        guard signer.verifier.algorithm == .cosignatureV1 else {
            throw LedgerError(.malformedKey, "a witness's key is of type 4 (cosignature)")
        }
        self.signer = signer
        self.logs = logs
    }

    /// Decides on a request.
    /// - Parameters:
    ///   - seen: what the witness remembers of the log with the request's origin.
    ///   - time: now, in seconds since 1970.
    /// - Throws: ``LedgerError`` where signing fails.
    public func decide(_ request: AddCheckpointRequest, seen: Seen, time: UInt64) throws -> Decision {
        let checkpoint = request.checkpoint
        // The order is that of the specification: a stranger learns nothing of a log's state.
        guard let keys = logs[checkpoint.origin] else {
            return .refused(Refusal(404, "this witness does not know a log “\(checkpoint.origin)”"))
        }
        // A bad signature by one key does not spoil a good one by another: one must verify.
        let isSigned = keys.contains { key in
            request.note.signatures.contains { $0.id == key.id && key.verifies($0.bytes, of: request.note.text) }
        }
        guard isSigned else { return .refused(Refusal(403, "none of the log's keys has signed the checkpoint")) }
        guard request.oldSize <= checkpoint.size else {
            return .refused(Refusal(400, "the old size \(request.oldSize) exceeds the checkpoint's \(checkpoint.size)"))
        }
        guard request.oldSize == seen.size else { return .refused(Refusal(conflictAt: seen.size)) }
        if request.oldSize == checkpoint.size, checkpoint.root != seen.root {
            return .refused(Refusal(conflictAt: seen.size))
        }
        if let problem = Self.problem(of: request, seen: seen) { return .refused(Refusal(422, problem.message)) }
        let cosignature = try signer.sign(request.note.text, time: time)
        return .accepted(seen: Seen(size: checkpoint.size, root: checkpoint.root), body: "\(cosignature)\n")
    }

    private static func problem(of request: AddCheckpointRequest, seen: Seen) -> LedgerError? {
        guard request.oldSize > 0 else {
            // Every tree extends the empty one.
            return request.proof.isEmpty
                ? nil : LedgerError(.malformedProof, "a consistency proof from size 0 must be empty")
        }
        do {
            try ConsistencyProof(oldSize: request.oldSize, newSize: request.checkpoint.size, hashes: request.proof)
                .verify(oldRoot: seen.root, newRoot: request.checkpoint.root)
            return nil
        } catch let error as LedgerError {
            return error
        } catch {
            preconditionFailure("consistency proofs throw LedgerError")
        }
    }
}
