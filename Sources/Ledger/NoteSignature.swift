/// A signature line of a note: `— name base64(key id ‖ signature)`.
public struct NoteSignature: Sendable, Equatable, CustomStringConvertible {
    /// The key that it claims to be by.
    public let id: NoteKeyID
    /// What follows the key id; its form is the key's affair.
    public let bytes: [UInt8]

    init(id: NoteKeyID, bytes: [UInt8]) {
        self.id = id
        self.bytes = bytes
    }

    private static let prefix = "\u{2014} "

    /// The signature of a line without its newline; nil where it is not one.
    init?(line: Substring) {
        guard line.utf8.starts(with: Self.prefix.utf8) else { return nil }
        let parts = line.utf8.dropFirst(Self.prefix.utf8.count)
            .split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { Substring($0) }
        guard parts.count == 2, NoteKeyID.isValid(name: String(parts[0])), let decoded = Base64.decode(parts[1]),
            decoded.count > 4
        else { return nil }
        id = NoteKeyID(name: String(parts[0]), hash: decoded[..<4].reduce(0) { $0 << 8 | UInt32($1) })
        bytes = Array(decoded[4...])
    }

    /// The line, without its newline.
    public var description: String {
        let hash = withUnsafeBytes(of: id.hash.bigEndian) { Array($0) }
        return Self.prefix + id.name + " " + Base64.encode(hash + bytes)
    }
}
