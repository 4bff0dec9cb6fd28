import Crypto

/// A SHA-256 digest: a leaf's, a node's or a root's. 32 bytes, held inline so that a million of them are one allocation.
public struct MerkleHash: Hashable, Sendable {
    // The digest's bytes in memory order. Words and no vector: a type that is aligned to more than 16 bytes is not safe in
    // a Set or in the frame of an async function (Swift 6.3 on Linux allocates both at multiples of 16).
    private struct Words: Hashable, Sendable, BitwiseCopyable {
        var first, second, third, fourth: UInt64
    }
    private var words: Words

    /// The number of bytes of a hash.
    public static let byteCount = 32

    /// The hash of exactly 32 bytes; nil for another number.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        words = Words(first: 0, second: 0, third: 0, fourth: 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    /// The hash at the start of `buffer`, which has at least 32 bytes.
    init(loading buffer: UnsafeRawBufferPointer) {
        words = buffer.loadUnaligned(as: Words.self)
    }

    /// A finished digest.
    init(_ digest: SHA256.Digest) {
        words = digest.withUnsafeBytes { $0.loadUnaligned(as: Words.self) }
    }

    /// The hash that `text` is the base 64 of; nil unless it is 32 bytes in canonical form.
    public init?(base64 text: some StringProtocol) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes)
    }

    /// The hash that `text` is the lower-case hexadecimal of; nil unless it is 64 digits.
    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(text) else { return nil }
        self.init(bytes)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// Base 64, as in checkpoints and proofs.
    public var base64: String { Base64.encode(bytes) }

    /// Lower-case hexadecimal, as in entries and reports.
    public var hexadecimal: String { Hexadecimal.encode(bytes) }

    /// Calls `body` with the 32 bytes, without copying them to the heap.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Swift.withUnsafeBytes(of: words, body)
    }
}

extension MerkleHash: CustomStringConvertible {
    /// Base 64.
    public var description: String { base64 }
}

extension MerkleHash: Codable {
    /// Reads 64 lower-case hexadecimal digits.
    public init(from decoder: any Decoder) throws {
        guard let hash = MerkleHash(hexadecimal: try decoder.singleValueContainer().decode(String.self)) else {
            throw LedgerError(.malformedEntry, "a digest or commitment must be 64 lower-case hexadecimal digits")
        }
        self = hash
    }

    /// Writes 64 lower-case hexadecimal digits.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}
