/// The log's and the witnesses' keys, and when each came and went: a bundle's `keys.json`.
public struct KeyHistory: Sendable, Equatable, Codable {
    /// A key.
    public struct Key: Sendable, Equatable, Codable {
        /// `log` or `witness`, as in `key_rotation` entries.
        public var role: String
        /// The verifier key.
        public var vkey: String
        /// The index of the entry that introduced it; nil for a key that was there from the start.
        public var introducedAt: Int?
        /// The index of the entry that retired it; nil for one that is in use. It signs no checkpoint of more entries
        /// than up to that one.
        public var retiredAt: Int?

        /// A key with its entries.
        public init(role: String, vkey: String, introducedAt: Int? = nil, retiredAt: Int? = nil) {
            self.role = role
            self.vkey = vkey
            self.introducedAt = introducedAt
            self.retiredAt = retiredAt
        }
    }

    /// All keys, in the order of their introduction.
    public private(set) var keys: [Key]

    /// A history of these keys.
    public init(keys: [Key]) {
        self.keys = keys
    }

    /// The keys that were there before any entry.
    public init(initial verifiers: [NoteVerifier]) {
        keys = verifiers.map { Key(role: Self.role(of: $0), vkey: $0.description) }
    }

    private static func role(of verifier: NoteVerifier) -> String {
        verifier.algorithm == .ed25519 ? "log" : "witness"
    }

    /// Follows a `key_rotation` entry.
    public mutating func apply(_ entry: KeyRotationEntry, at index: Int) {
        if let retired = entry.retired {
            if let position = keys.firstIndex(where: { $0.vkey == retired && $0.retiredAt == nil }) {
                keys[position].retiredAt = index
            } else {
                keys.append(Key(role: entry.role, vkey: retired, retiredAt: index))
            }
        }
        if let introduced = entry.introduced {
            keys.append(Key(role: entry.role, vkey: introduced, introducedAt: index))
        }
    }

    /// The log's keys.
    /// - Throws: ``LedgerError`` (`malformedKey`).
    public func logKeys() throws -> [NoteVerifier] {
        try keys.map { try NoteVerifier($0.vkey) }.filter { $0.algorithm == .ed25519 }
    }

    /// The size up to which each retired key may sign: that of the log with the entry that retired it.
    /// - Throws: ``LedgerError`` (`malformedKey`).
    public func retiredAt() throws -> [NoteKeyID: Int] {
        var sizes: [NoteKeyID: Int] = [:]
        for key in keys {
            guard let index = key.retiredAt else { continue }
            sizes[try NoteVerifier(key.vkey).id] = index + 1
        }
        return sizes
    }

    /// The file's bytes.
    public func canonicalBytes() throws -> [UInt8] {
        try CanonicalJSON.encode(JSONValueEncoder.encode(self))
    }

    /// The history of a file's bytes.
    /// - Throws: ``LedgerError`` (`malformedJSON`, `malformedKey`).
    public init(canonicalBytes bytes: [UInt8]) throws {
        self = try JSONValueDecoder.decode(JSONParser.parse(bytes, maximumBytes: 1 << 20), at: "keys")
        for key in keys {
            let verifier = try NoteVerifier(key.vkey)
            guard key.role == Self.role(of: verifier) else {
                throw LedgerError(.malformedKey, "the key \(verifier.id) is not of the type of a \(key.role)'s key")
            }
        }
    }
}
