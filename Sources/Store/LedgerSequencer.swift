import Ledger
import Postgres

/// Gives recorded entries their places: moves what the inbox holds to the next indices, and keeps the tree's full tiles.
///
/// Any number of processes may call it; a lock of the database lets one work at a time, and each step is one transaction.
/// Places are counted, never drawn from a sequence, so there are no gaps; a step that was cut off left nothing behind and
/// is taken again by whoever comes next.
public actor LedgerSequencer {
    private let store: Store
    /// The right edge of the tree: good as long as the database has the same size.
    private var tree = TileBuilder()

    /// What a step did.
    public enum Step: Sendable, Equatable {
        /// So many entries got their places; the ledger has `size` now.
        case sequenced(count: Int, size: Int)
        /// The inbox was empty.
        case idle(size: Int)
        /// Another process is at it.
        case busy
    }

    /// A sequencer of the store's ledger.
    public init(_ store: Store) {
        self.store = store
    }

    /// The advisory lock: "LVLEDGER" in ASCII.
    static let lockKey: Int64 = 0x4C56_4C45_4447_4552

    /// Moves up to `limit` entries, the oldest first.
    public func step(limit: Int = 2000) async throws -> Step {
        let before = tree
        let (step, after) = try await store.pool.withTransaction { [store] connection -> (Step, TileBuilder) in
            let isFree: Bool = try await connection.query(
                "SELECT pg_try_advisory_xact_lock($1) AS taken", Self.lockKey)[0]["taken"]
            guard isFree else { return (.busy, before) }
            var tree = before
            let size = try await LedgerTables.size(on: connection)
            if tree.size != size { tree = try await LedgerTables(connection: connection).tree(size: size) }
            let rows = try await connection.query(
                "SELECT id, entry FROM longview.ledger_inbox WHERE rejection IS NULL ORDER BY id LIMIT $1", limit)
            var ids: [Int] = []
            var tiles: [(TileAddress, Tile)] = []
            for row in rows {
                let (id, entry): (Int, [UInt8]) = (try row["id"], try row["entry"])
                guard CanonicalJSON.isObject(entry) else {
                    try await Self.reject(id, on: connection)
                    store.logger.error(
                        "an entry in the ledger's inbox (\(id)) is no canonical JSON object; it is put aside")
                    continue
                }
                ids.append(id)
                tree.append(MerkleTree.leafHash(entry)) { tiles.append(($0, $1)) }
            }
            guard !ids.isEmpty else { return (.idle(size: size), tree) }
            try await connection.execute("SELECT longview.sequence_entries($1, $2)", size, ids)
            for (address, tile) in tiles {
                guard case .hashes(let level) = address.kind else { continue }
                try await connection.execute(
                    "INSERT INTO longview.ledger_tiles (level, index, hashes) VALUES ($1::int8, $2, $3)", level,
                    address.index, tile.bytes)
            }
            return (.sequenced(count: ids.count, size: tree.size), tree)
        }
        tree = after
        return step
    }

    /// Steps until the inbox is empty, or another process is at it.
    /// - Returns: the number of entries that got their places.
    @discardableResult
    public func drain() async throws -> Int {
        var count = 0
        while case .sequenced(let moved, _) = try await step() { count += moved }
        return count
    }

    private static func reject(_ id: Int, on connection: PostgresConnection) async throws {
        try await connection.execute("SELECT longview.reject_entry($1, 'no canonical JSON object')", id)
    }
}
