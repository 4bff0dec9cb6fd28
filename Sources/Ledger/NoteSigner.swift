public import Crypto
import FoundationEssentials

/// A private key that signs notes under a name. The key is made elsewhere: nothing here is random.
public struct NoteSigner: Sendable {
    /// The public half.
    public let verifier: NoteVerifier
    private let key: Curve25519.Signing.PrivateKey

    /// A key under a name.
    /// - Throws: ``LedgerError`` (`malformedKey`).
    public init(name: String, algorithm: NoteAlgorithm, key: Curve25519.Signing.PrivateKey) throws {
        verifier = try NoteVerifier(name: name, algorithm: algorithm, publicKey: key.publicKey)
        self.key = key
    }

    /// The key of a text `PRIVATE+KEY+name+hash+base64(type ‖ seed)`, the form of golang.org/x/mod/sumdb/note.
    /// - Throws: ``LedgerError`` (`malformedKey`), which does not repeat the text.
    public init(privateKey text: String) throws {
        let parts = text.split(separator: "+", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", let bytes = Base64.decode(parts[4]),
            bytes.count == 33, let algorithm = NoteAlgorithm(rawValue: bytes[0]),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes.dropFirst())
        else {
            throw LedgerError(
                .malformedKey,
                "not a signer key: it must read PRIVATE+KEY+name+hash+base64, of type 1 (Ed25519) or 4 (cosignature)")
        }
        try self.init(name: String(parts[2]), algorithm: algorithm, key: key)
        guard verifier.id.hexadecimalHash == parts[3] else {
            throw LedgerError(
                .malformedKey, "the signer key “\(parts[2])” is not written with its own id; it was changed")
        }
    }

    /// The secret text that ``init(privateKey:)`` reads.
    public var privateKeyText: String {
        "PRIVATE+KEY+\(verifier.id)+" + Base64.encode([verifier.algorithm.rawValue] + Array(key.rawRepresentation))
    }

    /// The signature of a note's text.
    /// - Parameter time: seconds since 1970, for a cosignature; an Ed25519 signature has none.
    /// - Throws: ``LedgerError`` (`malformedNote`) for a text that a note can't hold.
    public func sign(_ text: String, time: UInt64 = 0) throws -> NoteSignature {
        try SignedNote.checkText(text)
        switch verifier.algorithm {
        case .ed25519:
            return NoteSignature(id: verifier.id, bytes: Array(try key.signature(for: Array(text.utf8))))
        case .cosignatureV1:
            let message = Cosignature.message(text: text, timestamp: time)
            let cosignature = Cosignature(timestamp: time, signature: Array(try key.signature(for: message)))
            return NoteSignature(id: verifier.id, bytes: cosignature.bytes)
        }
    }
}
