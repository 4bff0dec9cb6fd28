public import Foundation
public import Ledger
public import Postgres

extension KeyHistory {
    /// Whether a key signs the log now.
    func isLive(_ verifier: NoteVerifier) -> Bool {
        keys.contains { $0.vkey == "\(verifier)" && $0.role == "log" && $0.retiredAt == nil }
    }

    /// The key that signs the log now.
    var live: NoteVerifier? {
        get throws {
            try keys.last { $0.role == "log" && $0.retiredAt == nil }.map { try NoteVerifier($0.vkey) }
        }
    }

    /// What checkpoints these keys sign.
    /// - Throws: ``LedgerError`` (`malformedKey`), also where there is no key yet.
    public func policy(origin: String) throws -> CheckpointPolicy {
        try CheckpointPolicy(origin: origin, logKeys: logKeys(), retiredAt: retiredAt())
    }
}

/// Where the ledger stands.
public struct LedgerStatus: Sendable, Equatable {
    /// The number of entries that have their places.
    public var size: Int
    /// Entries that wait for one.
    public var waiting: Int
    /// What was put aside since it is no entry; anything but 0 must be looked into.
    public var rejected: Int
    /// The size of the newest checkpoint.
    public var checkpointSize: Int?
    /// When that was kept.
    public var checkpointTime: Timestamp?
    /// The newest alarm after that checkpoint: why publication has stopped.
    public var alarm: String?
    /// When it was raised.
    public var alarmTime: Timestamp?

    init(on connection: PostgresConnection) async throws {
        let row = try await connection.query("SELECT * FROM longview.ledger_status")[0]
        size = try row["size"]
        waiting = try row["waiting"]
        rejected = try row["rejected"]
        checkpointSize = try row["checkpoint_size"]
        checkpointTime = try row["checkpoint_time"]
        alarm = try row["alarm"]
        alarmTime = try row["alarm_time"]
    }
}

extension Store {
    /// Where the ledger stands.
    public func ledgerStatus() async throws -> LedgerStatus {
        try await pool.withConnection { try await LedgerStatus(on: $0) }
    }

    /// The keys of the log and its witnesses, as the ledger's own entries say.
    public func keyHistory() async throws -> KeyHistory {
        var history = KeyHistory(keys: [])
        for (index, entry) in try await entries(ofType: .keyRotation) {
            guard case .keyRotation(let rotation) = entry.body else { continue }
            history.apply(rotation, at: index)
        }
        return history
    }

    /// Makes `key` the one that signs, in place of the one before; recorded, and in force when the entry has its place.
    /// - Throws: ``StoreError`` (`unknownKey`) where the key is of another origin than the one before.
    public func introduce(_ key: NoteVerifier, reason: String?) async throws {
        let history = try await keyHistory()
        guard !history.isLive(key) else { return }
        let before = try history.live
        if let before, before.name != key.name {
            throw StoreError(
                .unknownKey, "the ledger's origin is “\(before.name)”; a key named “\(key.name)” can't sign it")
        }
        try await append(
            .keyRotation(
                KeyRotationEntry(
                    role: "log", introduced: "\(key)", retired: before.map { "\($0)" }, reason: reason)))
    }

    /// All entries of a type that have their places, with their indices.
    public func entries(ofType type: EntryType) async throws -> [(index: Int, entry: Entry)] {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                """
                SELECT index, entry FROM longview.ledger_entries
                WHERE longview.ledger_terms(entry) @> ARRAY['type:' || $1::text] ORDER BY index
                """, type.rawValue)
            return try rows.map { (try $0["index"], try Entry(canonicalBytes: $0["entry"])) }
        }
    }

    /// The signed checkpoints that were published, the oldest first.
    public func checkpoints() async throws -> [[UInt8]] {
        try await pool.withConnection { connection in
            try await connection.query("SELECT note FROM longview.ledger_checkpoints ORDER BY id").map {
                try $0["note"]
            }
        }
    }

    /// Adds an entry by itself, for what is recorded nowhere else: a start, a stop, an export.
    public func append(_ body: EntryBody, outcome: EntryOutcome = .success) async throws {
        try await append([body], outcome: outcome)
    }

    /// Adds entries in one transaction: all or none.
    public func append(_ bodies: [EntryBody], outcome: EntryOutcome = .success) async throws {
        try await pool.withConnection { connection in
            try await recorder.append(bodies, outcome: outcome, on: connection)
        }
    }

    /// Records that somebody was shown a score which was there already, in answer to the same bytes handed in again.
    public func recordShownAgain(_ inference: UUID) async throws {
        try await pool.withConnection { connection in
            _ = try await connection.query(
                "SELECT longview.begin_read('score_again', jsonb_build_object('inference', $1::text), 'TREAT', $2)",
                inference.uuidString.lowercased(), try recorder.sourceJSON)
        }
    }

    /// Records an alarm, unless it is known since the newest checkpoint.
    func raise(_ alarm: LedgerSurvey.Alarm) async throws {
        logger.critical("ledger: \(alarm.message)")
        try await pool.withConnection { connection in
            _ = try await connection.execute(
                """
                INSERT INTO longview.ledger_alarms (code, message, host)
                SELECT $1::text, $2::text, $3::text WHERE NOT EXISTS (
                    SELECT FROM (SELECT code, message, raised_at FROM longview.ledger_alarms ORDER BY id DESC LIMIT 1) newest
                    WHERE code = $1 AND message = $2 AND raised_at > coalesce(
                        (SELECT created_at FROM longview.ledger_checkpoints ORDER BY id DESC LIMIT 1), '-infinity'))
                """, alarm.code.rawValue, alarm.message, recorder.host)
        }
    }
}
