/// The hashes of a tree as its tiles have them.
///
/// What comes from tiles is not verified here: proofs made from it are, by whoever checks them against a root.
public struct TileNodeSource: NodeSource {
    /// The number of entries of the tree.
    public let size: Int
    private let read: (TileAddress) throws -> [UInt8]

    /// The tree of `size` entries; `read` gets the address of a tile as that tree has it, partial ones included. The
    /// same tile may be asked for several times.
    public init(size: Int, reading read: @escaping (TileAddress) throws -> [UInt8]) {
        self.size = size
        self.read = read
    }

    /// The root of a complete subtree.
    /// - Throws: ``LedgerError`` (`outsideTree`, `malformedTile`), or what the reader throws.
    public func nodeHash(level: Int, index: Int) throws -> MerkleHash {
        let tileLevel = level / TileAddress.height
        let above = level % TileAddress.height
        let first = index << above
        let start = first & (TileAddress.fullWidth - 1)
        guard let address = TileAddress.inTree(size: size, level: tileLevel, index: first >> TileAddress.height),
            start + 1 << above <= address.width
        else {
            throw LedgerError(.outsideTree, "a tree of \(size) entries has no subtree \(index) of height \(level)")
        }
        return MerkleTree.completeRoot(try Tile(read(address), at: address).hashes[start..<start + 1 << above])
    }
}
