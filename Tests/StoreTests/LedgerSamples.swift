import Crypto
import Foundation
import Ledger
import Postgres
import Store
import TestSupport

/// A ledger on a database of its own, with a key and a folder for the checkpoint kept outside.
struct SampleLedger {
    let database: TestDatabase
    let store: Store
    let signer: NoteSigner
    let file: CheckpointFile
    let sequencer: LedgerSequencer

    init() async throws {
        (database, store) = try await Samples.store()
        signer = try Self.signer()
        file = CheckpointFile(
            FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)/checkpoint"))
        sequencer = LedgerSequencer(store)
    }

    /// The same ledger, for another recorder.
    init(_ other: SampleLedger, recorder: Recorder) throws {
        (database, signer, file) = (other.database, other.signer, other.file)
        store = Store(
            try database.configuration(user: PrivateCluster.workerRole), recorder: recorder, logger: TestLog.silent)
        sequencer = LedgerSequencer(store)
    }

    static func signer(name: String = "longview.example/test") throws -> NoteSigner {
        try NoteSigner(name: name, algorithm: .ed25519, key: Curve25519.Signing.PrivateKey())
    }

    /// A publisher as a new process has it.
    func publisher(cosign: LedgerPublisher.Cosigner? = nil) -> LedgerPublisher {
        LedgerPublisher(store, signer: signer, file: file, cosign: cosign)
    }

    /// Introduces the key and gives all that is recorded its place.
    func begin() async throws {
        try await store.introduce(signer.verifier, reason: nil)
        try await sequencer.drain()
    }

    /// Adds small entries, in a transaction each.
    func add(_ count: Int) async throws {
        for number in 0..<count {
            try await store.append(.stop(StopEntry(component: "test", processID: number, reason: "requested")))
        }
    }

    /// Adds small entries in one statement, as the inbox has them.
    func addQuickly(_ count: Int) async throws {
        let owner = try await database.connect()
        try await owner.execute(
            """
            INSERT INTO longview.ledger_inbox (entry)
            SELECT convert_to('{"actor":{"id":"test","kind":"service"},"body":{"component":"test","process_id":' || n
                || ',"reason":"requested"},"outcome":"success","source":{"host":"test","program":"longview","version":"0"}'
                || ',"time":"2026-03-01T09:05:00.000123Z","type":"stop","version":1}', 'UTF8')
            FROM generate_series(1, $1) AS n
            """, count)
        await owner.close()
    }

    /// What the offline verifier says of the database's entries, tiles and checkpoints.
    func verify(outside: [Checkpoint] = []) async throws -> VerificationReport {
        let policy = try await store.keyHistory().policy(origin: signer.verifier.name)
        let checkpoints = try await store.checkpoints()
        return try await store.withLedgerReader { reader, _ in
            try LedgerVerifier(policy: policy, outsideCheckpoints: outside).verify(
                checkpoints: checkpoints, reader: reader)
        }
    }

    /// The entries that have their places.
    func entries() async throws -> [Entry] {
        try await store.withLedgerReader { reader, size in
            try TileAddress.addedEntries(from: 0, to: size).flatMap { address in
                try EntryBundle.decode(reader.read(address) ?? []).map(Entry.init(canonicalBytes:))
            }
        }
    }

    /// Runs a statement as the owner, with the triggers that keep rows switched off: what an intruder could do.
    func tamper(_ table: String, _ sql: SQL) async throws {
        let owner = try await database.connect()
        try await owner.execute(
            """
            CREATE FUNCTION pg_temp.switch(name text, state text) RETURNS void LANGUAGE plpgsql AS $$
            BEGIN EXECUTE format('ALTER TABLE longview.%I %s', name, state); END $$
            """)
        try await owner.query("SELECT pg_temp.switch($1, 'DISABLE TRIGGER ALL')", table)
        try await owner.execute(sql)
        try await owner.query(
            """
            SELECT pg_temp.switch($1, 'ENABLE ALWAYS TRIGGER keep_rows'), pg_temp.switch($1, 'ENABLE ALWAYS TRIGGER keep_table')
            """, table)
        await owner.close()
    }
}
