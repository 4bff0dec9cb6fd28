import TestSupport
import Testing

@testable import Ledger

@Suite("Tiles and entry bundles (C2SP tlog-tiles)")
struct TileTests {
    @Test(
        "paths of the specification and of Go's checksum database",
        arguments: [
            (TileAddress(level: 0, index: 1_234_067), "tile/0/x001/x234/067"),
            (TileAddress(level: 1, index: 0), "tile/1/000"),
            (TileAddress(level: 0, index: 273, width: 112), "tile/0/273.p/112"),
            (TileAddress(level: 2, index: 0, width: 1), "tile/2/000.p/1"),
            (TileAddress(level: 5, index: 123_456_078, width: 2), "tile/5/x123/x456/078.p/2"),
            (TileAddress(level: 63, index: 999, width: 255), "tile/63/999.p/255"),
            (TileAddress(kind: .entries, index: 3_057_500), "tile/entries/x003/x057/500"),
            (TileAddress(kind: .entries, index: 1000, width: 5), "tile/entries/x001/000.p/5"),
            (TileAddress(level: 0, index: Int.max >> 8 - 1), "tile/0/x036/x028/x797/x018/x963/966"),
        ])
    func paths(address: TileAddress, path: String) throws {
        #expect(address.path == path)
        #expect(try TileAddress(path: path) == address)
    }

    @Test(
        "other paths are refused",
        arguments: [
            "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/00/001", "tile/64/001",
            "tile/-1/001", "tile/data/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p/",
            "tile/0/001.p", "tile/0/x001", "tile/0/001/002", "tile/0/x001/x002", "/tile/0/001", "tile/0/001/",
            "tile/0/+01",
            "tile/entries/000.p/5/6", "tile/0/x036/x028/x797/x018/x963/967",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/００１",
        ])
    func malformedPaths(path: String) {
        #expect(throws: LedgerError.self) { try TileAddress(path: path) }
    }

    @Test("the specification's example: the tiles of 70,000 entries")
    func tilesOfSize() {
        let tiles = TileAddress.added(from: 0, to: 70_000)
        #expect(tiles.filter { $0.kind == .hashes(level: 0) && !$0.isPartial }.count == 273)
        #expect(
            tiles.filter { $0.isPartial || $0.kind != .hashes(level: 0) }.map(\.path) == [
                "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
            ])
        #expect(TileAddress.added(from: 0, to: 256).map(\.path) == ["tile/0/000", "tile/1/000.p/1"])
        #expect(
            TileAddress.addedEntries(from: 250, to: 600).map(\.path) == [
                "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88",
            ])
    }

    @Test(
        "what growth adds",
        arguments: [
            (1, 1, []), (0, 0, []), (100, 101, ["tile/0/000.p/101"]),
            (255, 257, ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]), (256, 257, ["tile/0/001.p/1"]),
            (511, 512, ["tile/0/001", "tile/1/000.p/2"]),
            (65_535, 65_536, ["tile/0/255", "tile/1/000", "tile/2/000.p/1"]),
            (49_516_517, 49_516_586, ["tile/0/x193/423", "tile/0/x193/424.p/42", "tile/1/755.p/144"]),
        ] as [(Int, Int, [String])])
    func growth(old: Int, new: Int, expected: [String]) {
        #expect(Set(TileAddress.added(from: old, to: new).map(\.path)) == Set(expected))
    }

    @Test("tiles built leaf by leaf hold the tree of every size, and prove it")
    func building() throws {
        let count = 256 * 3 + 7
        let leaves = (0..<count).map { MerkleTree.leafHash(Array("\($0)".utf8)) }
        let tree = NaiveTree(leaves: leaves)
        var builder = TileBuilder()
        var files: [TileAddress: [UInt8]] = [:]
        var generator = SeededGenerator(state: 8)
        var written = 0
        for size in 0...count {
            if size > 0 {
                builder.append(leaves[size - 1]) { files[$0] = $1.bytes }
            }
            guard size < 300 || Int.random(in: 0..<20, using: &generator) == 0 || size == count else { continue }
            for (address, tile) in builder.partialTiles { files[address] = tile.bytes }
            for address in TileAddress.added(from: written, to: size) { #expect(files[address] != nil) }
            written = size
            #expect(builder.root == tree.naiveHash(0..<size))
            let source = TileNodeSource(size: size) { try #require(files[$0]) }
            #expect(try source.root(size: size) == builder.root)
            let resumed = try TileBuilder(size: size) { try #require(files[$0]) }
            #expect(resumed.root == builder.root)
            #expect(resumed.partialTiles.map(\.0) == builder.partialTiles.map(\.0))
            guard size > 0 else { continue }
            let index = Int.random(in: 0..<size, using: &generator)
            try InclusionProof(index: index, treeSize: size, from: source)
                .verify(leaf: leaves[index], root: builder.root)
            try ConsistencyProof(oldSize: index + 1, newSize: size, from: source)
                .verify(oldRoot: tree.naiveHash(0..<index + 1), newRoot: builder.root)
            #expect(throws: LedgerError.self) { try source.nodeHash(level: 0, index: size) }
        }
        // A higher level: each of its hashes is the root of a full tile.
        #expect(
            try Tile(files[TileAddress(level: 1, index: 0, width: 3)]!, at: TileAddress(level: 1, index: 0, width: 3))
                .hashes == (0..<3).map { tree.naiveHash($0 << 8..<($0 + 1) << 8) })
    }

    @Test("a tile of three levels up is filled and resumed")
    func levels() throws {
        var builder = TileBuilder()
        var files: [TileAddress: [UInt8]] = [:]
        var range = CompactRange()
        for number in 0..<65_536 + 300 {
            let leaf = MerkleHash((0..<32).map { UInt8(truncatingIfNeeded: number >> ($0 & 1 * 8)) })!
            range.append(leaf)
            builder.append(leaf) { files[$0] = $1.bytes }
        }
        for (address, tile) in builder.partialTiles { files[address] = tile.bytes }
        #expect(builder.root == range.root)
        #expect(builder.compactRange == range)
        #expect(
            files.keys.filter { $0.kind == .hashes(level: 1) }.map(\.path).sorted() == ["tile/1/000", "tile/1/001.p/1"])
        #expect(Set(files.keys) == Set(TileAddress.added(from: 0, to: 65_836)))
        let resumed = try TileBuilder(size: builder.size) { try #require(files[$0]) }
        #expect(resumed.compactRange == range)
    }

    @Test("entry bundles are big-endian lengths and bytes")
    func bundles() throws {
        let entries = [[], [1], Array(repeating: 7, count: 258), Array(repeating: 9, count: 65_535)] as [[UInt8]]
        let bundle = try EntryBundle.encode(entries)
        #expect(bundle.prefix(9) == [0, 0, 0, 1, 1, 1, 2, 7, 7])
        #expect(try EntryBundle.decode(bundle) == entries)
        for end in [1, 3, 4, bundle.count - 1] where end != 2 {
            #expect(throws: LedgerError.self) { try EntryBundle.decode(Array(bundle.prefix(end))) }
        }
        #expect(throws: LedgerError.self) { try EntryBundle.encode([Array(repeating: 0, count: 65_536)]) }
    }

    @Test("a tile of the wrong length is refused")
    func tileLength() {
        let address = TileAddress(level: 0, index: 0, width: 2)
        for count in [0, 32, 63, 65, 96] {
            #expect(throws: LedgerError.self) { try Tile([UInt8](repeating: 0, count: count), at: address) }
        }
    }
}
