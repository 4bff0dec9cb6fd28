public import Ledger
import Postgres

/// Signs the ledger's size and root, after it has made sure that the ledger is what it was when it signed last.
///
/// What was signed last is read from a file outside the database. A tree that does not extend it (a restored backup, a
/// rewritten history), or entries that are not those of their tiles, stop publication: an alarm is recorded, and nothing
/// is signed until the ledger is whole again. Each new entry is hashed before its checkpoint is signed, and with every
/// checkpoint a part of the old ones again, so that all are looked at in turn.
public actor LedgerPublisher {
    private let store: Store
    private let signer: NoteSigner
    private let file: CheckpointFile
    private let cosign: Cosigner?
    private var survey = LedgerSurvey()

    /// Collects cosignatures: gets the note that the log's key has signed, and the size and root it states; gives it back
    /// with those that verify. Throws where there are fewer than the policy asks for, which stops publication.
    public typealias Cosigner = @Sendable (SignedNote, Checkpoint) async throws -> SignedNote

    /// What came of a publication.
    public enum Outcome: Sendable, Equatable {
        /// A checkpoint of this size is signed, kept outside and in the database.
        case published(size: Int)
        /// The ledger has not grown since the last one.
        case unchanged(size: Int)
    }

    /// The moments between which a publisher may be cut off.
    package enum Moment: CaseIterable, Sendable {
        case surveyed, signed, cosigned, keptOutside
    }

    /// Called at each moment: how tests cut a publication off.
    package var interruption: (@Sendable (Moment) throws -> Void)?

    /// A publisher that signs with `signer`, whose name is the log's origin.
    public init(_ store: Store, signer: NoteSigner, file: CheckpointFile, cosign: Cosigner? = nil) {
        self.store = store
        self.signer = signer
        self.file = file
        self.cosign = cosign
    }

    package func interrupt(_ body: (@Sendable (Moment) throws -> Void)?) {
        interruption = body
    }

    /// Publishes the ledger as it is now.
    /// - Throws: ``StoreError`` (`ledgerAlarm` where the ledger is not what it was, `unknownKey`, `checkpointFile`), what
    ///   collecting cosignatures throws, or `PostgresError`.
    @discardableResult
    public func publish() async throws -> Outcome {
        let keys = try await store.keyHistory()
        guard keys.isLive(signer.verifier) else {
            throw StoreError(
                .unknownKey,
                "the ledger does not know the key \(signer.verifier.id) as its own; "
                    + "`longview audit rotate-key` introduces one, with a record of it")
        }
        let kept = try file.read()
        let last = try kept.map { try keys.policy(origin: signer.verifier.name).open($0).checkpoint }
        let survey: LedgerSurvey
        do {
            survey = try await store.withLedgerReader { [survey = self.survey] reader, size in
                var survey = survey
                try survey.extend(to: size, reader: reader, last: last)
                return survey
            }
        } catch let alarm as LedgerSurvey.Alarm {
            // What it believed so far may be what is wrong: begin anew when somebody has mended it.
            self.survey = LedgerSurvey()
            try await store.raise(alarm)
            throw StoreError(
                .ledgerAlarm, "\(alarm.message) Nothing is signed until this is cleared up (docs/audit.md#alarms).")
        }
        self.survey = survey
        try interruption?(.surveyed)
        let size = survey.size
        if size == last?.size, let kept, kept.signatures.contains(where: { $0.id == signer.verifier.id }) {
            try await keepInDatabase(kept, size: size)
            return .unchanged(size: size)
        }
        let checkpoint = try Checkpoint(origin: signer.verifier.name, size: size, root: survey.root)
        var note = try SignedNote(text: checkpoint.text, signatures: [signer.sign(checkpoint.text)])
        try interruption?(.signed)
        if let cosign { note = try await cosign(note, checkpoint) }
        try interruption?(.cosigned)
        // Outside first: a checkpoint that others may have seen is never unknown to the next publisher.
        try file.write(note)
        try interruption?(.keptOutside)
        try await keepInDatabase(note, size: size)
        return .published(size: size)
    }

    /// Adds the note to the table, unless it is there: a publisher may have been cut off before it got so far.
    private func keepInDatabase(_ note: SignedNote, size: Int) async throws {
        try await store.pool.withConnection { connection in
            _ = try await connection.execute(
                """
                INSERT INTO longview.ledger_checkpoints (size, note)
                SELECT $1, $2 WHERE NOT EXISTS (
                    SELECT FROM longview.ledger_checkpoints WHERE size = $1 AND note = $2)
                """, size, note.bytes)
        }
    }
}
