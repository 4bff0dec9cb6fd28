/// A proof that a leaf is in a tree: the siblings on the way from the leaf to the root.
/// Source: RFC 6962, section 2.1.1 (PATH); verified as RFC 9162, section 2.1.3.2, says.
public struct InclusionProof: Sendable, Equatable {
    /// The leaf's position in the tree, from 0.
    public var index: Int
    /// The number of the tree's leaves.
    public var treeSize: Int
    /// From the leaf's sibling up to a child of the root.
    public var hashes: [MerkleHash]

    /// A proof of hashes as given; `verify` tells whether they prove anything.
    public init(index: Int, treeSize: Int, hashes: [MerkleHash]) {
        self.index = index
        self.treeSize = treeSize
        self.hashes = hashes
    }

    /// The proof for the leaf at `index` in the tree of the first `treeSize` leaves.
    /// - Throws: ``LedgerError`` (`outsideTree`), or what `source` throws.
    public init(index: Int, treeSize: Int, from source: some NodeSource) throws {
        guard index >= 0, index < treeSize else {
            throw LedgerError(.outsideTree, "a tree of \(treeSize) entries has no entry \(index)")
        }
        var hashes: [MerkleHash] = []
        var range = 0..<treeSize
        while range.count > 1 {
            let middle = range.lowerBound + MerkleTree.split(range.count)
            if index < middle {
                hashes.append(try source.treeHash(middle..<range.upperBound))
                range = range.lowerBound..<middle
            } else {
                hashes.append(try source.treeHash(range.lowerBound..<middle))
                range = middle..<range.upperBound
            }
        }
        self.init(index: index, treeSize: treeSize, hashes: hashes.reversed())
    }

    /// The root that the proof leads to from `leaf`.
    /// - Throws: ``LedgerError`` (`outsideTree`, `malformedProof`).
    public func root(leaf: MerkleHash) throws -> MerkleHash {
        guard index >= 0, index < treeSize else {
            throw LedgerError(.outsideTree, "a tree of \(treeSize) entries has no entry \(index)")
        }
        var node = index
        var last = treeSize - 1
        var hash = leaf
        for sibling in hashes {
            guard last > 0 else { throw wrongLength }
            if node & 1 == 1 || node == last {
                hash = MerkleTree.nodeHash(sibling, hash)
                // A node without a right sibling stands for itself on the levels above, until it is a right child.
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = MerkleTree.nodeHash(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw wrongLength }
        return hash
    }

    /// Checks that `leaf` is at `index` in the tree whose root is `root`.
    /// - Throws: ``LedgerError`` (`outsideTree`, `malformedProof`, `rootMismatch`).
    public func verify(leaf: MerkleHash, root: MerkleHash) throws {
        guard try self.root(leaf: leaf) == root else {
            throw LedgerError(
                .rootMismatch,
                "the inclusion proof of entry \(index) leads to another root than that of size \(treeSize)")
        }
    }

    private var wrongLength: LedgerError {
        LedgerError(
            .malformedProof,
            "\(hashes.count) hashes are not an inclusion proof of entry \(index) in a tree of \(treeSize) entries")
    }
}
