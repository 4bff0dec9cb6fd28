/// A proof that a tree is another one with entries appended, nothing removed or changed.
/// Source: RFC 6962, section 2.1.2 (PROOF); verified as RFC 9162, section 2.1.4.2, says.
public struct ConsistencyProof: Sendable, Equatable {
    /// The number of leaves of the older tree.
    public var oldSize: Int
    /// The number of leaves of the newer tree.
    public var newSize: Int
    /// The proof's nodes, from the older tree's right edge up.
    public var hashes: [MerkleHash]

    /// A proof of hashes as given; `verify` tells whether they prove anything.
    public init(oldSize: Int, newSize: Int, hashes: [MerkleHash]) {
        self.oldSize = oldSize
        self.newSize = newSize
        self.hashes = hashes
    }

    /// The proof from the tree of the first `oldSize` leaves to that of the first `newSize`; empty where `oldSize` is 0.
    /// - Throws: ``LedgerError`` (`outsideTree`), or what `source` throws.
    public init(oldSize: Int, newSize: Int, from source: some NodeSource) throws {
        guard oldSize >= 0, oldSize <= newSize else {
            throw LedgerError(.outsideTree, "a tree of \(newSize) entries does not extend one of \(oldSize)")
        }
        var hashes: [MerkleHash] = []
        var range = 0..<newSize
        var isWhole = true  // whether the part of the old tree in `range` is that old tree, whose root is known
        while oldSize > 0, range.upperBound != oldSize {
            let middle = range.lowerBound + MerkleTree.split(range.count)
            if oldSize <= middle {
                hashes.append(try source.treeHash(middle..<range.upperBound))
                range = range.lowerBound..<middle
            } else {
                hashes.append(try source.treeHash(range.lowerBound..<middle))
                range = middle..<range.upperBound
                isWhole = false
            }
        }
        if !isWhole { hashes.append(try source.treeHash(range)) }
        self.init(oldSize: oldSize, newSize: newSize, hashes: hashes.reversed())
    }

    /// Checks that the tree with `newRoot` extends the one with `oldRoot`.
    ///
    /// An empty old tree is refused: every tree extends it, so there is nothing to prove, and the caller must have
    /// decided what to do with it.
    /// - Throws: ``LedgerError`` (`outsideTree`, `malformedProof`, `rootMismatch`).
    public func verify(oldRoot: MerkleHash, newRoot: MerkleHash) throws {
        guard oldSize > 0, oldSize <= newSize else {
            throw LedgerError(
                .outsideTree, "there is no consistency proof from \(oldSize) to \(newSize) entries")
        }
        if oldSize == newSize {
            guard hashes.isEmpty else { throw wrongLength }
            guard oldRoot == newRoot else { throw mismatch }
            return
        }
        // An old tree that is a complete subtree of the new one is its own first node.
        let isComplete = oldSize.nonzeroBitCount == 1
        var rest = hashes[...]
        guard let first = isComplete ? oldRoot : rest.popFirst() else { throw wrongLength }
        var node = oldSize - 1
        var last = newSize - 1
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var old = first
        var new = first
        for hash in rest {
            guard last > 0 else { throw wrongLength }
            if node & 1 == 1 || node == last {
                old = MerkleTree.nodeHash(hash, old)
                new = MerkleTree.nodeHash(hash, new)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = MerkleTree.nodeHash(new, hash)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw wrongLength }
        guard old == oldRoot, new == newRoot else { throw mismatch }
    }

    private var wrongLength: LedgerError {
        LedgerError(
            .malformedProof,
            "\(hashes.count) hashes are not a consistency proof from \(oldSize) to \(newSize) entries")
    }

    private var mismatch: LedgerError {
        LedgerError(.rootMismatch, "the tree of \(newSize) entries does not extend the one of \(oldSize) entries")
    }
}
