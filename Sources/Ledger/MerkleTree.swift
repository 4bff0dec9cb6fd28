import Crypto

/// The hash functions of RFC 6962, section 2.1, with SHA-256.
public enum MerkleTree {
    /// The root of a tree without leaves: SHA-256 of nothing.
    public static let emptyRoot = MerkleHash(SHA256().finalize())

    /// SHA-256(0x00 ‖ entry).
    public static func leafHash(_ entry: UnsafeRawBufferPointer) -> MerkleHash {
        var hasher = SHA256()
        withUnsafeBytes(of: UInt8(0)) { hasher.update(bufferPointer: $0) }
        hasher.update(bufferPointer: entry)
        return MerkleHash(hasher.finalize())
    }

    /// SHA-256(0x00 ‖ entry).
    public static func leafHash(_ entry: [UInt8]) -> MerkleHash {
        entry.withUnsafeBytes { leafHash($0) }
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    public static func nodeHash(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { buffer in
            buffer[0] = 1
            left.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]).copyMemory(from: $0) }
            right.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]).copyMemory(from: $0) }
            var hasher = SHA256()
            hasher.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return MerkleHash(hasher.finalize())
        }
    }

    /// The root of the complete subtree over `hashes`, whose number is a power of two.
    static func completeRoot(_ hashes: some Collection<MerkleHash>) -> MerkleHash {
        var row = Array(hashes)
        precondition(row.count.nonzeroBitCount == 1, "a complete subtree has a power of two of nodes")
        while row.count > 1 {
            // In place: a row's half is written over the front of the row, behind what was read.
            let half = row.count / 2
            for index in 0..<half { row[index] = nodeHash(row[2 * index], row[2 * index + 1]) }
            row.removeLast(half)
        }
        return row[0]
    }

    /// The largest power of two smaller than `size` (at least 2): where RFC 6962 splits a tree.
    static func split(_ size: Int) -> Int {
        1 << (Int.bitWidth - 1 - (size - 1).leadingZeroBitCount)
    }
}
