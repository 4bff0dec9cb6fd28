import Foundation
import Ledger
import Postgres

/// The ledger's tables as a tree: sizes, tiles and entries. Partial tiles are made from what lies below them.
struct LedgerTables: Sendable {
    let connection: PostgresConnection
    /// The recorded read under which an auditor sees them; nil for the application, which may read the tables.
    var read: UUID?

    /// The number of entries that have their places.
    static func size(on connection: PostgresConnection) async throws -> Int {
        try await connection.query("SELECT coalesce(max(index) + 1, 0) AS size FROM longview.ledger_entries")[0]["size"]
    }

    /// The right edge of the tree of the first `size` entries.
    func tree(size: Int) async throws -> TileBuilder {
        var partial: [TileAddress: [UInt8]] = [:]
        var level = 0
        while level * TileAddress.height < Int.bitWidth - 1, size >> (level * TileAddress.height) > 0 {
            let count = size >> (level * TileAddress.height)
            let width = count & (TileAddress.fullWidth - 1)
            if width > 0 {
                let address = TileAddress(level: level, index: count >> TileAddress.height, width: width)
                partial[address] = try await tile(level, address)
            }
            level += 1
        }
        return try TileBuilder(size: size) { address in
            guard let bytes = partial[address] else {
                throw LedgerError(.outsideTree, "the ledger's tables have not all of \(address.path)")
            }
            return bytes
        }
    }

    /// The bytes of the tile at `level`, full or partial; nil where the tables have not all of it.
    func tile(_ level: Int, _ address: TileAddress) async throws -> [UInt8]? {
        if !address.isPartial { return try await tiles(level, address.index..<address.index + 1)[address.index] }
        let range = address.range
        var hashes: [UInt8] = []
        if level == 0 {
            let entries = try await entries(range)
            for index in range {
                guard let entry = entries[index] else { return nil }
                hashes += MerkleTree.leafHash(entry).bytes
            }
        } else {
            let below = try await tiles(level - 1, range)
            for index in range {
                guard let bytes = below[index] else { return nil }
                hashes += try Tile(bytes, at: TileAddress(level: level - 1, index: index)).root.bytes
            }
        }
        return hashes
    }

    /// The entries of a range that the table has, by their index.
    func entries(_ range: Range<Int>) async throws -> [Int: [UInt8]] {
        let rows =
            if let read {
                try await connection.query(
                    "SELECT index, entry AS bytes FROM longview.read_entry_range($1, $2, $3)", read, range.lowerBound,
                    range.upperBound)
            } else {
                try await connection.query(
                    "SELECT index, entry AS bytes FROM longview.ledger_entries WHERE index >= $1 AND index < $2",
                    range.lowerBound, range.upperBound)
            }
        return try Self.numbered(rows)
    }

    /// The full tiles of a range of indices that the table has.
    private func tiles(_ level: Int, _ range: Range<Int>) async throws -> [Int: [UInt8]] {
        let rows =
            if let read {
                try await connection.query(
                    "SELECT index, hashes AS bytes FROM longview.read_tiles($1, $2::int8::int4, $3, $4)", read, level,
                    range.lowerBound, range.upperBound)
            } else {
                try await connection.query(
                    """
                    SELECT index, hashes AS bytes FROM longview.ledger_tiles
                    WHERE level = $1::int8 AND index >= $2 AND index < $3
                    """, level, range.lowerBound, range.upperBound)
            }
        return try Self.numbered(rows)
    }

    private static func numbered(_ rows: PostgresRows) throws -> [Int: [UInt8]] {
        Dictionary(uniqueKeysWithValues: try rows.map { (try $0["index"], try $0["bytes"]) })
    }
}
