/// A log's statement of its size and root: C2SP tlog-checkpoint.
public struct Checkpoint: Sendable, Hashable {
    /// The log's name.
    public let origin: String
    /// The number of entries.
    public let size: Int
    /// The root of the tree of that size.
    public let root: MerkleHash
    /// Further lines, not empty; Longview's logs write none.
    public let extensions: [String]

    /// A statement of these values.
    /// - Throws: ``LedgerError`` (`malformedCheckpoint`) for an origin or extension that is empty or no line.
    public init(origin: String, size: Int, root: MerkleHash, extensions: [String] = []) throws {
        for line in [origin] + extensions {
            guard !line.isEmpty, line.utf8.allSatisfy({ $0 >= 0x20 }) else {
                throw LedgerError(
                    .malformedCheckpoint, "a checkpoint's origin and extensions are lines of text, not empty ones")
            }
        }
        guard size >= 0 else { throw LedgerError(.malformedCheckpoint, "a tree has no \(size) entries") }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// The statement of a note's text.
    /// - Throws: ``LedgerError`` (`malformedCheckpoint`).
    public init(text: String) throws {
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(Substring($0)) }
        guard lines.count >= 4, lines.last == "" else {
            throw LedgerError(.malformedCheckpoint, "a checkpoint has at least three lines: origin, size and root")
        }
        guard let size = DecimalNumber.parse(lines[1]) else {
            throw LedgerError(.malformedCheckpoint, "a checkpoint's second line must be the size, in plain decimal")
        }
        guard let root = MerkleHash(base64: lines[2]) else {
            throw LedgerError(.malformedCheckpoint, "a checkpoint's third line must be the root, 32 bytes in base 64")
        }
        try self.init(origin: lines[0], size: size, root: root, extensions: Array(lines[3..<lines.count - 1]))
    }

    /// The note's text.
    public var text: String {
        ([origin, String(size), root.base64] + extensions).map { $0 + "\n" }.joined()
    }
}

/// Whole numbers as C2SP's texts write them: ASCII decimal without sign or leading zeros.
enum DecimalNumber {
    /// The number below 2⁶³; nil for another text.
    static func parse(_ text: some StringProtocol) -> Int? {
        guard let number = Int(text), number >= 0, String(number) == text else { return nil }
        return number
    }
}
