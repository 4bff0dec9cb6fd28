/// Grows the tiles of a tree, leaf by leaf.
///
/// Holds only the right edge: at most 255 hashes a level. The tiles of a size depend on the leaves alone, so building may
/// be repeated after a crash and gives the same bytes.
public struct TileBuilder: Sendable {
    /// The number of leaves.
    public private(set) var size = 0
    // The hashes of the tile at the right edge of each level, fewer than 256.
    private var edge: [[MerkleHash]] = []

    /// The empty tree.
    public init() {}

    /// The tree of `size` leaves, from the partial tiles of its right edge.
    /// - Throws: ``LedgerError`` (`malformedTile`), or what `read` throws.
    public init(size: Int, reading read: (TileAddress) throws -> [UInt8]) throws {
        self.size = size
        var level = 0
        while level * TileAddress.height < Int.bitWidth - 1, size >> (level * TileAddress.height) > 0 {
            let count = size >> (level * TileAddress.height)
            let address = TileAddress.inTree(size: size, level: level, index: count >> TileAddress.height)
            edge.append(try address.map { try Tile(read($0), at: $0).hashes } ?? [])
            level += 1
        }
    }

    /// Appends a leaf; `completed` gets each tile that is full now, lower levels first.
    public mutating func append(
        _ leaf: MerkleHash, completed: (TileAddress, Tile) throws -> Void
    ) rethrows {
        size += 1
        var hash = leaf
        for level in 0... {
            if level == edge.count { edge.append([]) }
            edge[level].append(hash)
            guard edge[level].count == TileAddress.fullWidth else { return }
            let tile = Tile(hashes: edge[level])
            edge[level].removeAll(keepingCapacity: true)
            hash = tile.root
            // The full tile's position: of 256^(level + 1) leaves each, the last one is the one that ends here.
            let index = size >> (TileAddress.height * (level + 1)) - 1
            try completed(TileAddress(level: level, index: index), tile)
        }
    }

    /// The partial tiles of the right edge, lower levels first.
    public var partialTiles: [(TileAddress, Tile)] {
        edge.enumerated().compactMap { level, hashes in
            guard !hashes.isEmpty else { return nil }
            let index = size >> (TileAddress.height * (level + 1))
            return (TileAddress(level: level, index: index, width: hashes.count), Tile(hashes: hashes))
        }
    }

    /// The compact range of the whole tree.
    public var compactRange: CompactRange {
        var range = CompactRange()
        for (level, hashes) in edge.enumerated().reversed() {
            for hash in hashes { range.append(hash, level: level * TileAddress.height) }
        }
        return range
    }

    /// The tree's root.
    public var root: MerkleHash { compactRange.root! }
}
