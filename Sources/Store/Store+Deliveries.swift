import Ledger
import Postgres

extension Store {
    /// The entries that `destination` has not got yet, the oldest first; their order is the ledger's.
    public func undelivered(to destination: String, limit: Int = 200) async throws -> [PlacedEntry] {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT e.index, e.entry FROM longview.ledger_entries e
                WHERE e.index >= coalesce(
                    (SELECT next_index FROM longview.audit_deliveries WHERE destination = $1), 0)
                ORDER BY e.index LIMIT $2
                """, destination, limit
            ).map(PlacedEntry.init)
        }
    }

    /// Notes that `destination` has got all entries before `next`.
    public func markDelivered(to destination: String, before next: Int) async throws {
        try await pool.withConnection { connection in
            _ = try await connection.execute(
                """
                INSERT INTO longview.audit_deliveries (destination, next_index) VALUES ($1, $2)
                ON CONFLICT (destination) DO UPDATE SET next_index = excluded.next_index, changed_at = clock_timestamp()
                WHERE audit_deliveries.next_index < excluded.next_index
                """, destination, next)
        }
    }
}
