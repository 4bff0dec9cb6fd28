/// One event of the audit trail: what is hashed, and never changed.
///
/// `docs/audit.md` has the fields, one by one, and the standards that ask for them.
public struct Entry: Sendable, Equatable {
    /// The version of every type's fields; a change of fields is a new version.
    public static let version = 1

    /// When it happened, by the clock of the database.
    public var time: EntryTime
    /// Who did it.
    public var actor: EntryActor
    /// Where it was recorded.
    public var source: EntrySource
    /// How it ended.
    public var outcome: EntryOutcome
    /// What happened.
    public var body: EntryBody

    /// An event.
    public init(time: EntryTime, actor: EntryActor, source: EntrySource, outcome: EntryOutcome, body: EntryBody) {
        self.time = time
        self.actor = actor
        self.source = source
        self.outcome = outcome
        self.body = body
    }

    /// The kind of what happened.
    public var type: EntryType { body.type }

    /// The JSON object of RFC 8785's form.
    /// - Throws: ``LedgerError`` (`notFinite`).
    public func json() throws -> JSONObject {
        var object = JSONObject()
        object["type"] = .string(type.rawValue)
        object["version"] = .integer(Int64(Self.version))
        object["time"] = try JSONValueEncoder.encode(time)
        object["actor"] = try JSONValueEncoder.encode(actor)
        object["source"] = try JSONValueEncoder.encode(source)
        object["outcome"] = try JSONValueEncoder.encode(outcome)
        object["body"] = try JSONValueEncoder.encode(body.encodable)
        return object
    }

    /// The bytes that are hashed and stored.
    /// - Throws: ``LedgerError`` (`notFinite`, `entryTooLarge`).
    public func canonicalBytes() throws -> [UInt8] {
        let bytes = try CanonicalJSON.encode(.object(json()))
        guard bytes.count <= CanonicalJSON.maximumBytes else {
            throw LedgerError(
                .entryTooLarge,
                "the \(type.rawValue) entry has \(bytes.count) bytes; at most \(CanonicalJSON.maximumBytes) can be recorded"
            )
        }
        return bytes
    }

    /// The event of canonical bytes. Nothing in them is ignored: they are what `canonicalBytes` writes.
    /// - Throws: ``LedgerError`` (`malformedJSON`, `notCanonical`, `unknownEntry`, `malformedEntry`).
    public init(canonicalBytes bytes: [UInt8]) throws {
        guard bytes.withUnsafeBytes({ CanonicalScanner.isCanonicalObject($0) }),
            case .object(let object) = try JSONParser.parse(bytes)
        else {
            throw LedgerError(.notCanonical, "the entry is not a canonical JSON object (RFC 8785)")
        }
        guard case .string(let name)? = object["type"], case .integer(let version)? = object["version"] else {
            throw LedgerError(.malformedEntry, "the entry has no type and version")
        }
        guard let type = EntryType(rawValue: name), version == Self.version else {
            throw LedgerError(
                .unknownEntry, "this build does not know entries “\(name)” of version \(version); use a newer one")
        }
        func field<Value: Decodable>(_ name: String) throws -> Value {
            guard let value = object[name] else {
                throw LedgerError(.malformedEntry, "the entry has no “\(name)”")
            }
            return try JSONValueDecoder.decode(value, at: name)
        }
        guard let bodyValue = object["body"] else { throw LedgerError(.malformedEntry, "the entry has no “body”") }
        self.init(
            time: try field("time"), actor: try field("actor"), source: try field("source"),
            outcome: try field("outcome"), body: try EntryBody(type, decoding: bodyValue))
        guard try canonicalBytes() == bytes else {
            throw LedgerError(
                .malformedEntry,
                "the \(name) entry has members that version \(version) has not, or null in place of none")
        }
    }

    /// The members in which two entries differ, as paths like `body.risk`, sorted.
    ///
    /// The check of a table against the ledger: build the entry that a row stands for, and compare.
    /// - Throws: ``LedgerError`` (`notFinite`).
    public func differences(from other: Entry) throws -> [String] {
        Self.differences(.object(try json()), .object(try other.json()), at: "").sorted()
    }

    private static func differences(_ left: JSONValue, _ right: JSONValue, at path: String) -> [String] {
        guard case .object(let a) = left, case .object(let b) = right else { return left == right ? [] : [path] }
        var names = a.members.map(\.name)
        names += b.members.map(\.name).filter { a[$0] == nil }
        return names.flatMap { name -> [String] in
            let inner = path.isEmpty ? name : path + "." + name
            guard let left = a[name], let right = b[name] else { return [inner] }
            return differences(left, right, at: inner)
        }
    }
}
