/// A tile: up to 256 consecutive hashes of one level.
public struct Tile: Sendable, Equatable {
    /// Left to right; at least one.
    public let hashes: [MerkleHash]

    init(hashes: [MerkleHash]) {
        self.hashes = hashes
    }

    /// The tile of its bytes, 32 for each hash that `address` says it has.
    /// - Throws: ``LedgerError`` (`malformedTile`).
    public init(_ bytes: [UInt8], at address: TileAddress) throws {
        guard bytes.count == address.width * MerkleHash.byteCount else {
            throw LedgerError(
                .malformedTile,
                "\(address.path) has \(bytes.count) bytes; \(address.width) hashes have \(address.width * MerkleHash.byteCount)"
            )
        }
        hashes = bytes.withUnsafeBytes { buffer in
            (0..<address.width).map { MerkleHash(loading: UnsafeRawBufferPointer(rebasing: buffer[($0 * 32)...])) }
        }
    }

    /// The hashes one after another.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * MerkleHash.byteCount)
        for hash in hashes { hash.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// The root of a full tile's subtree: a hash of the level above.
    public var root: MerkleHash { MerkleTree.completeRoot(hashes) }
}
