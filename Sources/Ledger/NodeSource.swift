/// Where the hashes of complete subtrees come from: tiles, or a tree in memory.
public protocol NodeSource {
    /// The root of the complete subtree over the leaves `index << level ..< (index + 1) << level`.
    /// - Throws: where the source has not that subtree.
    func nodeHash(level: Int, index: Int) throws -> MerkleHash
}

extension NodeSource {
    /// RFC 6962's MTH over the leaves `range`, which begins at a multiple of the smallest power of two that is not
    /// smaller than the range.
    func treeHash(_ range: Range<Int>) throws -> MerkleHash {
        var compact = CompactRange(begin: 0)
        var begin = range.lowerBound
        // Complete subtrees of falling size, from left to right: the binary digits of the size.
        while begin < range.upperBound {
            let rest = range.upperBound - begin
            let level = Int.bitWidth - 1 - rest.leadingZeroBitCount
            compact.append(try nodeHash(level: level, index: begin >> level), level: level)
            begin += 1 << level
        }
        return compact.root!
    }

    /// The root of the tree of the first `size` leaves.
    public func root(size: Int) throws -> MerkleHash {
        try treeHash(0..<size)
    }
}
