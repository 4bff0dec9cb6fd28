/// A witness's signature of a checkpoint with the time it was made: C2SP tlog-cosignature, cosignature/v1.
public struct Cosignature: Sendable, Equatable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public let timestamp: UInt64
    /// Ed25519, 64 bytes.
    public let signature: [UInt8]

    init(timestamp: UInt64, signature: [UInt8]) {
        self.timestamp = timestamp
        self.signature = signature
    }

    /// The parts of a `timestamped_signature`: 8 bytes big-endian, then 64; nil for another length, or a time beyond
    /// 2⁶³ − 1.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 72 else { return nil }
        timestamp = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        guard timestamp <= UInt64(Int64.max) else { return nil }
        signature = Array(bytes[8...])
    }

    /// The form that ``init(bytes:)`` reads.
    var bytes: [UInt8] {
        withUnsafeBytes(of: timestamp.bigEndian) { Array($0) } + signature
    }

    /// What is signed: a header line, a line with the time, the checkpoint's text.
    static func message(text: String, timestamp: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(timestamp)\n\(text)".utf8)
    }
}
