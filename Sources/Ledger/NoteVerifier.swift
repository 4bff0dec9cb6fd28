public import Crypto
import FoundationEssentials

/// A public key that can verify signatures of notes: what C2SP signed-note calls a verifier key.
public struct NoteVerifier: Sendable, Hashable, CustomStringConvertible {
    /// What the key signs.
    public let algorithm: NoteAlgorithm
    /// How signature lines name it.
    public let id: NoteKeyID
    /// 32 bytes (RFC 8032).
    public let publicKey: [UInt8]

    /// The name of the key.
    public var name: String { id.name }

    /// A key under a name.
    /// - Throws: ``LedgerError`` (`malformedKey`).
    public init(name: String, algorithm: NoteAlgorithm, publicKey: Curve25519.Signing.PublicKey) throws {
        let bytes = Array(publicKey.rawRepresentation)
        self.algorithm = algorithm
        self.publicKey = bytes
        id = try NoteKeyID(name: name, algorithm: algorithm, publicKey: bytes)
    }

    /// The key of a text `name+hash+base64(type ‖ public key)`.
    /// - Throws: ``LedgerError`` (`malformedKey`).
    public init(_ text: String) throws {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), let first = bytes.first,
            let algorithm = NoteAlgorithm(rawValue: first)
        else { throw Self.malformed }
        guard bytes.count == 33, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes.dropFirst())
        else {
            throw LedgerError(.malformedKey, "the verifier key “\(parts[0])” does not hold 32 bytes of an Ed25519 key")
        }
        try self.init(name: String(parts[0]), algorithm: algorithm, publicKey: key)
        guard id.hexadecimalHash == parts[1] else {
            throw LedgerError(
                .malformedKey,
                "the verifier key “\(parts[0])” has the id \(id.hexadecimalHash), not the one it is written with")
        }
    }

    private static let malformed = LedgerError(
        .malformedKey, "not a verifier key: it must read name+hash+base64, of type 1 (Ed25519) or 4 (cosignature)")

    /// The text that ``init(_:)`` reads.
    public var description: String {
        "\(id)+\(Base64.encode([algorithm.rawValue] + publicKey))"
    }

    /// Whether `signature`, what follows the key id in a signature line, is this key's on a note's text.
    public func verifies(_ signature: [UInt8], of text: String) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        switch algorithm {
        case .ed25519:
            return signature.count == 64 && key.isValidSignature(signature, for: Array(text.utf8))
        case .cosignatureV1:
            guard let cosignature = Cosignature(bytes: signature) else { return false }
            return key.isValidSignature(
                cosignature.signature, for: Cosignature.message(text: text, timestamp: cosignature.timestamp))
        }
    }
}
