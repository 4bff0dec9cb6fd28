import Ledger
import Postgres

/// The ledger's tables as a tree: sizes, tiles and bundles. Partial tiles are made from what lies below them.
enum LedgerTables {
    /// The number of entries that have their places.
    static func size(on connection: PostgresConnection) async throws -> Int {
        try await connection.query("SELECT coalesce(max(index) + 1, 0) AS size FROM longview.ledger_entries")[0]["size"]
    }

    /// The right edge of the tree of the first `size` entries.
    static func tree(size: Int, on connection: PostgresConnection) async throws -> TileBuilder {
        var partial: [TileAddress: [UInt8]] = [:]
        var level = 0
        while level * TileAddress.height < Int.bitWidth - 1, size >> (level * TileAddress.height) > 0 {
            let count = size >> (level * TileAddress.height)
            let width = count & (TileAddress.fullWidth - 1)
            if width > 0 {
                let address = TileAddress(level: level, index: count >> TileAddress.height, width: width)
                partial[address] = try await tile(address, on: connection)
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

    /// The bytes of a tile, full or partial; nil where the tables have not all of it.
    static func tile(_ address: TileAddress, on connection: PostgresConnection) async throws -> [UInt8]? {
        guard case .hashes(let level) = address.kind else {
            return try await bundle(address, on: connection)
        }
        if !address.isPartial {
            let rows = try await connection.query(
                "SELECT hashes FROM longview.ledger_tiles WHERE level = $1::int8 AND index = $2", level, address.index)
            return try rows.first.map { try $0["hashes"] }
        }
        let range = address.range
        var hashes: [UInt8] = []
        if level == 0 {
            let rows = try await entries(range, on: connection)
            guard rows.count == range.count else { return nil }
            for entry in rows { hashes += MerkleTree.leafHash(entry).bytes }
        } else {
            let rows = try await connection.query(
                """
                SELECT hashes FROM longview.ledger_tiles WHERE level = $1::int8 AND index >= $2 AND index < $3
                ORDER BY index
                """, level - 1, range.lowerBound, range.upperBound)
            guard rows.count == range.count else { return nil }
            for (index, row) in zip(range, rows) {
                let below = TileAddress(level: level - 1, index: index)
                hashes += try Tile(row["hashes"], at: below).root.bytes
            }
        }
        return hashes
    }

    /// The bytes of an entry bundle, which has fewer entries where the table has.
    static func bundle(_ address: TileAddress, on connection: PostgresConnection) async throws -> [UInt8]? {
        let rows = try await entries(address.range, on: connection)
        return rows.isEmpty ? nil : try EntryBundle.encode(rows)
    }

    /// The entries of a range that the table has, in order.
    static func entries(_ range: Range<Int>, on connection: PostgresConnection) async throws -> [[UInt8]] {
        let rows = try await connection.query(
            "SELECT entry FROM longview.ledger_entries WHERE index >= $1 AND index < $2 ORDER BY index",
            range.lowerBound, range.upperBound)
        return try rows.map { try $0["entry"] }
    }

    /// The entries of a range that the table has, by their index.
    static func numberedEntries(_ range: Range<Int>, on connection: PostgresConnection) async throws -> [Int: [UInt8]] {
        let rows = try await connection.query(
            "SELECT index, entry FROM longview.ledger_entries WHERE index >= $1 AND index < $2",
            range.lowerBound, range.upperBound)
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["index"], try $0["entry"]) })
    }
}
