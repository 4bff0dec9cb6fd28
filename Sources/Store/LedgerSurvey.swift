import Ledger

/// What a publisher has seen of the ledger with its own eyes: every entry hashed, the tree they make, and the tiles found
/// to agree.
struct LedgerSurvey: Sendable {
    /// Something that must not be signed.
    struct Alarm: Error, Sendable {
        var code: VerificationReport.Problem.Code
        var message: String
    }

    private var range = CompactRange()
    /// The next full bundle to look at again.
    private var patrol = 0

    /// The old bundles that are looked at again with every checkpoint: 16,384 entries.
    static let patrolBundles = 64

    /// The number of entries seen.
    var size: Int { range.end }
    /// The root of the entries seen.
    var root: MerkleHash { range.root! }

    /// Hashes the entries up to `size`, and holds them against their tiles and against `last`, the checkpoint kept
    /// outside.
    /// - Throws: ``Alarm``, or what `reader` throws.
    mutating func extend(to size: Int, reader: some LedgerReader, last: Checkpoint?) throws {
        if let last, last.size > size {
            throw Alarm(
                code: .rolledBack,
                message: "The ledger has \(size) entries, but a checkpoint of \(last.size) was published: "
                    + "an old backup was restored, or entries were removed.")
        }
        guard range.end <= size else {
            throw Alarm(code: .rolledBack, message: "The ledger had \(range.end) entries and has \(size) now.")
        }
        if let last, last.size == range.end { try compare(range.root!, with: last) }
        if let last, last.size < range.end {
            // Published by another process, or not at all since this one began: the tiles, found to agree, tell.
            try compare(Self.tree(size, reader).root(size: last.size), with: last)
        }
        while range.end < size {
            let first = range.end
            let end = min(size, (first >> TileAddress.height + 1) << TileAddress.height)
            for leaf in try leaves(first..<end, reader: reader) {
                range.append(leaf)
                if let last, last.size == range.end { try compare(range.root!, with: last) }
            }
        }
        guard try size == 0 || Self.tree(size, reader).root(size: size) == range.root! else {
            throw Alarm(
                code: .rootMismatch,
                message: "The tiles of the ledger's tree are not those of its \(size) entries; "
                    + "`longview audit verify --database` tells where.")
        }
        try lookAgain(reader: reader)
    }

    private func compare(_ root: MerkleHash, with last: Checkpoint) throws {
        guard root == last.root else {
            throw Alarm(
                code: .historyRewritten,
                message:
                    "The ledger's first \(last.size) entries are not those that were published: history was rewritten.")
        }
    }

    /// The leaf hashes of entries within one bundle.
    private func leaves(_ wanted: Range<Int>, reader: some LedgerReader) throws -> [MerkleHash] {
        let bundle = wanted.lowerBound >> TileAddress.height
        let first = bundle << TileAddress.height
        let address = TileAddress(kind: .entries, index: bundle, width: wanted.upperBound - first)
        var leaves: [MerkleHash] = []
        if let bytes = try reader.read(address) {
            try EntryBundle.forEach(in: bytes) { position, entry in
                if position >= wanted.lowerBound - first { leaves.append(MerkleTree.leafHash(entry)) }
            }
        }
        guard leaves.count == wanted.count else {
            throw Alarm(
                code: .entryMissing,
                message: "Of the ledger's entries \(wanted.lowerBound) to \(wanted.upperBound - 1) some are gone.")
        }
        return leaves
    }

    /// Hashes some old entries again, and compares them with their tiles.
    private mutating func lookAgain(reader: some LedgerReader) throws {
        let full = range.end >> TileAddress.height
        for _ in 0..<min(Self.patrolBundles, full) {
            if patrol >= full { patrol = 0 }
            let address = TileAddress(level: 0, index: patrol)
            let hashes = try leaves(address.range, reader: reader)
            guard try reader.read(address).map({ try Tile($0, at: address).hashes }) == hashes else {
                throw Alarm(
                    code: .entryChanged,
                    message: "The ledger's entries \(address.range.lowerBound) to \(address.range.upperBound - 1) are "
                        + "not those that were recorded; `longview audit verify --database` tells which.")
            }
            patrol += 1
        }
    }

    private static func tree(_ size: Int, _ reader: some LedgerReader) -> TileNodeSource {
        TileNodeSource(size: size) { address in
            guard let bytes = try reader.read(address) else {
                throw Alarm(code: .tileMissing, message: "The ledger's \(address.path) is gone.")
            }
            return bytes
        }
    }
}
