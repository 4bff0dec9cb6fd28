/// A proof of inclusion that stands by itself, offline: C2SP tlog-proof.
public struct TlogProof: Sendable, Equatable {
    /// What an application adds; not authenticated. Longview writes none.
    public var extra: [UInt8]?
    /// The entry's position in the log.
    public var index: Int
    /// From the leaf's sibling up to a child of the root.
    public var hashes: [MerkleHash]
    /// The checkpoint whose tree has the entry.
    public var checkpoint: SignedNote

    private static let header = "c2sp.org/tlog-proof@v1"

    /// A proof of these parts.
    public init(extra: [UInt8]? = nil, index: Int, hashes: [MerkleHash], checkpoint: SignedNote) {
        self.extra = extra
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
    }

    /// A proof as it is stored (`.tlog-proof`).
    /// - Throws: ``LedgerError`` (`malformedProof`, `malformedNote`).
    public init(parsing bytes: [UInt8]) throws {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.malformed("it is not UTF-8") }
        var lines = NoteLines(text)
        guard let first = lines.next(), first == Self.header else {
            throw Self.malformed("it does not begin with “\(Self.header)”")
        }
        var line = lines.next() ?? ""
        if let value = line.dropPrefix("extra ") {
            guard let extra = Base64.decode(value) else { throw Self.malformed("its extra data are not base 64") }
            self.extra = extra
            line = lines.next() ?? ""
        }
        guard let number = line.dropPrefix("index "), let index = DecimalNumber.parse(number) else {
            throw Self.malformed("the line “index” is missing or not a plain decimal number")
        }
        self.index = index
        hashes = try lines.hashes(atMost: 63) { Self.malformed($0) }
        checkpoint = try SignedNote(parsing: lines.rest)
    }

    private static func malformed(_ reason: String) -> LedgerError {
        LedgerError(.malformedProof, "not a tlog-proof: \(reason)")
    }

    /// The proof as it is stored.
    public var bytes: [UInt8] {
        let extraLine = extra.map { "extra \(Base64.encode($0))\n" } ?? ""
        let proof = hashes.map { $0.base64 + "\n" }.joined()
        return Array("\(Self.header)\n\(extraLine)index \(index)\n\(proof)\n\(checkpoint)".utf8)
    }

    /// Checks that the log which `policy` describes holds the entry at `index`.
    /// - Returns: the checkpoint that the proof rests on.
    /// - Throws: ``LedgerError``: what the policy finds wrong with the checkpoint, or the proof's.
    @discardableResult
    public func verify(entry: [UInt8], policy: CheckpointPolicy) throws -> VerifiedCheckpoint {
        let verified = try policy.open(checkpoint)
        try InclusionProof(index: index, treeSize: verified.checkpoint.size, hashes: hashes)
            .verify(leaf: MerkleTree.leafHash(entry), root: verified.checkpoint.root)
        return verified
    }
}

/// The lines of a text, up to where a checkpoint begins.
struct NoteLines {
    private var remaining: Substring.UTF8View

    init(_ text: String) {
        remaining = Substring(text).utf8
    }

    /// The next line; nil where no newline follows.
    mutating func next() -> Substring? {
        guard let end = remaining.firstIndex(of: 0x0A) else { return nil }
        defer { remaining = remaining[remaining.index(after: end)...] }
        return Substring(remaining[..<end])
    }

    /// The hashes of the lines up to an empty one.
    mutating func hashes(atMost limit: Int, _ malformed: (String) -> LedgerError) throws -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        while true {
            guard let line = next() else { throw malformed("no empty line follows the hashes") }
            if line.isEmpty { return hashes }
            guard hashes.count < limit else { throw malformed("it has more than \(limit) hashes") }
            guard let hash = MerkleHash(base64: line) else {
                throw malformed("hash \(hashes.count + 1) is not 32 bytes in base 64")
            }
            hashes.append(hash)
        }
    }

    /// What follows the lines read.
    var rest: [UInt8] { Array(remaining) }
}

extension Substring {
    /// What follows `prefix`; nil where the text does not begin with it.
    func dropPrefix(_ prefix: String) -> Substring? {
        utf8.starts(with: prefix.utf8) ? Substring(utf8.dropFirst(prefix.utf8.count)) : nil
    }
}
