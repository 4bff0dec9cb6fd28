import Testing

@testable import Ledger

/// A log in memory, as an honest publisher leaves it: tiles, entry bundles, signed checkpoints.
struct MemoryLedger: LedgerReader {
    var files: [TileAddress: [UInt8]] = [:]
    var checkpoints: [[UInt8]] = []
    private(set) var entries: [[UInt8]] = []
    private var builder = TileBuilder()

    static let policy = try! CheckpointPolicy(
        origin: TestKeys.log.verifier.name, logKeys: [TestKeys.log.verifier])

    func read(_ address: TileAddress) throws -> [UInt8]? { files[address] }

    /// The log after these entries, with a checkpoint at each of `sizes`.
    init(_ entries: [[UInt8]], checkpointsAt sizes: [Int]) throws {
        var written = 0
        for size in sizes {
            for entry in entries[written..<size] {
                builder.append(MerkleTree.leafHash(entry)) { files[$0] = $1.bytes }
            }
            for (address, tile) in builder.partialTiles { files[address] = tile.bytes }
            for address in TileAddress.addedEntries(from: written, to: size) {
                files[address] = try EntryBundle.encode(entries[address.range])
            }
            written = size
            checkpoints.append(try Self.checkpoint(size: size, root: builder.root).bytes)
        }
        self.entries = entries
    }

    /// Entries that are told apart by their number.
    static func entries(_ count: Int, from first: Int = 0) -> [[UInt8]] {
        (first..<first + count).map { Array("{\"number\":\($0)}".utf8) }
    }

    static func checkpoint(size: Int, root: MerkleHash, signer: NoteSigner = TestKeys.log) throws -> SignedNote {
        let text = try Checkpoint(origin: signer.verifier.name, size: size, root: root).text
        return try SignedNote(text: text, signatures: [signer.sign(text)])
    }

    /// Rewrites one bundle's entries.
    mutating func edit(_ address: TileAddress, _ change: (inout [[UInt8]]) -> Void) throws {
        var entries = try EntryBundle.decode(try #require(files[address]))
        change(&entries)
        files[address] = try EntryBundle.encode(entries)
    }

    func verify(outside: [Checkpoint] = [], policy: CheckpointPolicy = policy) throws -> VerificationReport {
        try LedgerVerifier(policy: policy, outsideCheckpoints: outside).verify(checkpoints: checkpoints, reader: self)
    }
}

extension VerificationReport {
    /// Codes and indices, for comparison.
    var found: [String] { problems.map { "\($0.code.rawValue) \($0.index.map(String.init) ?? "-")" } }
}
