public import Ledger
import Postgres

/// On whose behalf, and by what, records are made: what every entry of the audit trail says of its actor and source.
public struct Recorder: Sendable, Equatable {
    /// Whether a person runs the program or it serves by itself. The actor's id is the database login.
    public var kind: EntryActor.Kind
    /// The person's or service account's name at the operating system.
    public var account: String?
    /// The machine.
    public var host: String
    /// The program's version.
    public var version: String
    /// The enterprise site, where one is configured.
    public var site: String?

    /// A recorder of these values.
    public init(
        kind: EntryActor.Kind = .service, account: String? = nil, host: String, version: String, site: String? = nil
    ) {
        self.kind = kind
        self.account = account
        self.host = host
        self.version = version
        self.site = site
    }

    var source: EntrySource { EntrySource(host: host, program: "longview", version: version, site: site) }

    /// What the database's own functions need to know of where an entry comes from.
    var sourceJSON: JSONText {
        get throws {
            try JSONText(
                encoding: ["account": account, "host": host, "program": "longview", "site": site, "version": version])
        }
    }

    /// The bytes of an entry of this recorder's.
    private func entry(
        _ body: EntryBody, _ outcome: EntryOutcome, role: String, at moment: LedgerMoment
    ) throws -> [UInt8] {
        try Entry(
            time: EntryTime(moment.time.description),
            actor: EntryActor(
                kind: kind, id: moment.login, alternativeID: account == moment.login ? nil : account, role: role),
            source: source, outcome: outcome, body: body
        ).canonicalBytes()
    }

    /// Adds an entry to the inbox, in the transaction that `connection` is in.
    func append(
        _ body: EntryBody, outcome: EntryOutcome = .success, role: String = Store.workerRole, at moment: LedgerMoment,
        on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            "INSERT INTO longview.ledger_inbox (entry) VALUES ($1)", try entry(body, outcome, role: role, at: moment))
    }

    /// Adds entries of the database's present moment, in one statement: all or none.
    func append(_ bodies: [EntryBody], outcome: EntryOutcome, on connection: PostgresConnection) async throws {
        let moment = try await LedgerMoment(on: connection)
        let texts = try bodies.map {
            String(decoding: try entry($0, outcome, role: Store.workerRole, at: moment), as: UTF8.self)
        }
        try await connection.execute(
            """
            INSERT INTO longview.ledger_inbox (entry)
            SELECT convert_to(t.entry, 'UTF8') FROM unnest($1::text[]) WITH ORDINALITY AS t (entry, place) ORDER BY place
            """, texts)
    }

    /// Adds an entry of the database's present moment, in the transaction that `connection` is in.
    func append(
        _ body: EntryBody, outcome: EntryOutcome = .success, on connection: PostgresConnection
    ) async throws {
        try await append(body, outcome: outcome, at: LedgerMoment(on: connection), on: connection)
    }
}

/// What only the database knows of an entry: when, and who is signed in.
struct LedgerMoment {
    var time: Timestamp
    var login: String

    /// Now.
    init(on connection: PostgresConnection) async throws {
        try self.init(
            await connection.query("SELECT clock_timestamp() AS created_at, session_user::text AS login")[0])
    }

    /// Reads the columns `created_at` and `login`.
    init(_ row: PostgresRow) throws {
        time = try row["created_at"]
        login = try row["login"]
    }
}

extension MerkleHash {
    /// A digest as the tables have it.
    /// - Throws: ``LedgerError`` (`malformedEntry`) for another text.
    init(digest: String) throws {
        guard let hash = MerkleHash(hexadecimal: digest) else {
            throw LedgerError(.malformedEntry, "a digest must have 64 lower-case hexadecimal digits")
        }
        self = hash
    }

    /// SHA-256 of the RFC 8785 form of a JSON column.
    init(canonical json: JSONText) throws {
        self = try CanonicalJSON.sha256(ofJSON: json.text)
    }
}

extension Commitment {
    /// Reads a commitment that the database made: 64 hexadecimal digits, or NULL where there is no value.
    static func of(_ column: String, in row: PostgresRow) throws -> Commitment? {
        let text: String? = try row[column]
        return try text.map { Commitment(hash: try MerkleHash(digest: $0)) }
    }
}
