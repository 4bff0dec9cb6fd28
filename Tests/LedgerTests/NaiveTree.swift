@testable import Ledger

/// A tree by the words of RFC 6962, section 2.1, that remembers what it hashed.
final class NaiveTree: NodeSource {
    let leaves: [MerkleHash]
    private var known: [Range<Int>: MerkleHash] = [:]

    init(leaves: [MerkleHash]) {
        self.leaves = leaves
    }

    func nodeHash(level: Int, index: Int) throws -> MerkleHash {
        let range = index << level..<(index + 1) << level
        guard range.upperBound <= leaves.count else { throw LedgerError(.outsideTree, "no such subtree") }
        return naiveHash(range)
    }

    /// MTH(D[range]).
    func naiveHash(_ range: Range<Int>) -> MerkleHash {
        if range.isEmpty { return MerkleTree.emptyRoot }
        if range.count == 1 { return leaves[range.lowerBound] }
        if let hash = known[range] { return hash }
        let middle = middle(range)
        let hash = MerkleTree.nodeHash(naiveHash(range.lowerBound..<middle), naiveHash(middle..<range.upperBound))
        known[range] = hash
        return hash
    }

    /// PATH(index, D[range]).
    func naivePath(_ index: Int, _ range: Range<Int>) -> [MerkleHash] {
        if range.count <= 1 { return [] }
        let middle = middle(range)
        return index < middle
            ? naivePath(index, range.lowerBound..<middle) + [naiveHash(middle..<range.upperBound)]
            : naivePath(index, middle..<range.upperBound) + [naiveHash(range.lowerBound..<middle)]
    }

    /// SUBPROOF(size, D[range], isWhole), where the older tree ends at leaf `size`.
    func naiveProof(_ size: Int, _ range: Range<Int>, isWhole: Bool) -> [MerkleHash] {
        if size == range.upperBound { return isWhole ? [] : [naiveHash(range)] }
        let middle = middle(range)
        return size <= middle
            ? naiveProof(size, range.lowerBound..<middle, isWhole: isWhole) + [naiveHash(middle..<range.upperBound)]
            : naiveProof(size, middle..<range.upperBound, isWhole: false) + [naiveHash(range.lowerBound..<middle)]
    }

    private func middle(_ range: Range<Int>) -> Int {
        var half = 1
        while half * 2 < range.count { half *= 2 }
        return range.lowerBound + half
    }
}
