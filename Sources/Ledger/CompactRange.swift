/// The fewest hashes that stand for the leaves `begin..<end`: one for each maximal complete subtree, left to right.
///
/// A range from 0 is all that an append-only tree needs to keep to grow and to know its root: at most 63 hashes. Ranges
/// that meet can be merged, so that parts of a tree can be hashed apart.
/// Source: the compact range of github.com/transparency-dev/merkle, docs/compact_ranges.md.
public struct CompactRange: Sendable, Equatable {
    /// The first leaf.
    public let begin: Int
    /// The leaf after the last.
    public private(set) var end: Int
    /// The subtrees' roots, left to right.
    public private(set) var nodes: [MerkleHash] = []
    // The height of each node's subtree.
    private var levels: [UInt8] = []

    /// The empty range at `begin`, which is not negative.
    public init(begin: Int = 0) {
        precondition(begin >= 0, "a range begins at a leaf")
        self.begin = begin
        end = begin
    }

    /// The number of leaves.
    public var count: Int { end - begin }

    /// Appends a leaf.
    public mutating func append(_ leaf: MerkleHash) {
        append(leaf, level: 0)
    }

    /// Appends the root of the complete subtree of height `level` that begins at `end`; `end` is a multiple of its size.
    public mutating func append(_ root: MerkleHash, level: Int) {
        precondition(end & (1 << level - 1) == 0, "a subtree begins at a multiple of its size")
        var root = root
        var level = level
        end += 1 << level
        // The node before is the sibling exactly where it has the same height and this one ends at a multiple of both.
        while let last = levels.last, last == level, end & (1 << (level + 1) - 1) == 0 {
            root = MerkleTree.nodeHash(nodes.removeLast(), root)
            levels.removeLast()
            level += 1
        }
        nodes.append(root)
        levels.append(UInt8(level))
    }

    /// Appends the range that begins where this one ends.
    /// - Throws: ``LedgerError`` (`outsideTree`) where it begins elsewhere.
    public mutating func append(_ next: CompactRange) throws {
        guard next.begin == end else {
            throw LedgerError(
                .outsideTree, "a range that begins at \(next.begin) does not follow one that ends at \(end)")
        }
        for (node, level) in zip(next.nodes, next.levels) { append(node, level: Int(level)) }
    }

    /// The hash of the whole range as RFC 6962 has it; the root of the tree where `begin` is 0.
    ///
    /// Defined only for a range from 0: others are not one tree. They have no root.
    public var root: MerkleHash? {
        guard begin == 0 else { return nil }
        guard let last = nodes.last else { return MerkleTree.emptyRoot }
        return nodes.dropLast().reversed().reduce(last) { MerkleTree.nodeHash($1, $0) }
    }
}
