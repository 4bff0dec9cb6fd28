extension PostgresConnection {
    /// Calls `body` with each row of a statement while the result arrives, in memory that does not grow with it.
    ///
    /// The connection serves nothing else until the last row, or until `body` throws, which ends the statement.
    ///
    /// - Throws: ``PostgresError``, what `body` throws, or `CancellationError` where the task was cancelled.
    public func forEachRow(
        _ sql: SQL, _ parameters: (any PostgresEncodable)?...,
        on actor: isolated (any Actor)? = #isolation,
        _ body: (PostgresRow) async throws -> Void
    ) async throws {
        try await beginStream(sql, parameters)
        do {
            while let rows = try await nextRows() {
                for row in rows { try await body(row) }
            }
        } catch {
            await endStream()
            throw error
        }
    }

    /// The rows handed over at once: enough that hopping between executors costs little.
    private static let batchRows = 256
    /// And no more than this many bytes beyond the last row, however long rows are.
    private static let batchBytes = 1 << 20

    private func beginStream(_ sql: SQL, _ parameters: [(any PostgresEncodable)?]) async throws {
        try checkOwner()
        let statement = try StatementText(sql, parameters)
        try await cancellable { try $0.beginStream(statement.text, statement.parameters) }
        openStream = statement
    }

    /// The next rows; nil after the last, when the connection is free again.
    private func nextRows() async throws -> [PostgresRow]? {
        guard let statement = openStream else {
            throw PostgresError(.connectionClosed, "the connection was closed while its rows were read")
        }
        var rows: [PostgresRow] = []
        var bytes = 0
        var isComplete = false
        try await cancellable { handle in
            while rows.count < Self.batchRows, bytes < Self.batchBytes {
                guard let result = try handle.nextResult(statement.text, statement.parameters) else {
                    isComplete = true
                    break
                }
                // The last result of a stream has no row.
                guard result.rowCount > 0 else { continue }
                bytes += result.memorySize
                rows.append(
                    PostgresRow(result: result, columns: rows.first?.columns ?? ResultColumns(result), index: 0))
            }
        }
        if isComplete {
            guard !rows.isEmpty else {
                openStream = nil
                return nil
            }
        }
        return rows
    }

    /// Ends a stream of which not all was read. Without effect on one that is complete.
    private func endStream() {
        guard openStream != nil else { return }
        openStream = nil
        try? uncancellable { $0.abandon() }
    }
}
