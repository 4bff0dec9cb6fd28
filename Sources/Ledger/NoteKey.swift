import Crypto

/// What a key signs, by the type byte of C2SP signed-note.
public enum NoteAlgorithm: UInt8, Sendable {
    /// Ed25519 over the note's text.
    case ed25519 = 0x01
    /// Ed25519 over the note's text and a time (C2SP tlog-cosignature, cosignature/v1).
    case cosignatureV1 = 0x04
}

/// The name and number that a signature line names its key by.
public struct NoteKeyID: Hashable, Sendable, CustomStringConvertible {
    /// Not empty, without Unicode spaces and plus signs.
    public let name: String
    /// The first four bytes, big-endian, of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    public let hash: UInt32

    /// A name and number as they stand in a signature line.
    init(name: String, hash: UInt32) {
        self.name = name
        self.hash = hash
    }

    /// The name and number of a public key.
    /// - Throws: ``LedgerError`` (`malformedKey`) for a name that a signature line can't hold.
    init(name: String, algorithm: NoteAlgorithm, publicKey: [UInt8]) throws {
        guard Self.isValid(name: name) else {
            throw LedgerError(
                .malformedKey, "a key's name must not be empty nor hold spaces, control characters or “+”")
        }
        var hasher = SHA256()
        for part in [Array(name.utf8), [0x0A, algorithm.rawValue], publicKey] {
            part.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        }
        let digest = MerkleHash(hasher.finalize())
        self.init(name: name, hash: digest.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) })
    }

    /// Whether a signature line can hold `name`.
    static func isValid(name: String) -> Bool {
        !name.isEmpty && name.unicodeScalars.allSatisfy { $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20 }
    }

    /// The number as eight hexadecimal digits, as keys are written.
    var hexadecimalHash: String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// `name+hash`.
    public var description: String { "\(name)+\(hexadecimalHash)" }
}
