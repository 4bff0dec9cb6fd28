import CLibpq

/// What a transaction sees of others (PostgreSQL manual, section 13.2).
public enum TransactionIsolation: Sendable {
    /// Each statement sees what was committed before it began.
    case readCommitted
    /// All statements see what was committed before the first; a conflicting write fails with `serializationFailure`.
    case repeatableRead
    /// As if transactions ran one after another; else `serializationFailure`.
    case serializable

    fileprivate var begin: String {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

extension PostgresConnection {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// Only the task that runs `body` (and its child tasks) may use the connection meanwhile. Transactions do not nest.
    ///
    /// - Throws: what `body` throws; what COMMIT reports, as a deferred constraint or `serializationFailure`;
    ///   `transactionAborted` where `body` went on after a failed statement; and `unknownCommitOutcome` where the
    ///   connection broke during COMMIT, so that only a look at the data tells whether it took effect.
    public func withTransaction<Result>(
        isolation: TransactionIsolation = .readCommitted,
        on actor: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let transaction = try await begin(isolation)
        let result: Result
        do {
            result = try await Self.$currentTransaction.withValue(transaction) { try await body(self) }
        } catch {
            await rollback(transaction)
            throw error
        }
        try await commit(transaction)
        return result
    }

    private func begin(_ isolation: TransactionIsolation) async throws -> UInt64 {
        try checkOwner()
        guard openTransaction == nil else {
            throw PostgresError(.connectionInUse, "a transaction is open already; transactions do not nest")
        }
        _ = try await cancellable { try $0.execute(isolation.begin, []) }
        lastTransaction += 1
        openTransaction = lastTransaction
        return lastTransaction
    }

    private func commit(_ transaction: UInt64) throws {
        // The connection was closed meanwhile: the server has rolled back.
        guard openTransaction == transaction else {
            throw PostgresError(.connectionClosed, "the connection was closed within its transaction, which is undone")
        }
        defer { openTransaction = nil }
        let result: ResultHandle
        do {
            result = try uncancellable { handle in
                // Lost before COMMIT was sent: nothing was committed.
                guard handle.checkAlive() else {
                    throw PostgresError(.connectionLost, "the connection was lost before COMMIT; nothing was committed")
                }
                do {
                    return try handle.execute("COMMIT", [])
                } catch let error as PostgresError where error.code == .connectionLost {
                    throw PostgresError(
                        .unknownCommitOutcome,
                        "the connection was lost during COMMIT: whether the transaction took effect is unknown; "
                            + "look at the data before doing it again",
                        sqlState: error.sqlState, underlying: error)
                }
            }
        }
        // COMMIT of a failed transaction succeeds with the tag ROLLBACK.
        guard result.commandTag == "COMMIT" else {
            throw PostgresError(
                .transactionAborted, "the transaction was rolled back, as an earlier statement in it had failed")
        }
    }

    private func rollback(_ transaction: UInt64) {
        guard openTransaction == transaction else { return }
        openTransaction = nil
        do {
            _ = try uncancellable { try $0.execute("ROLLBACK", []) }
        } catch {
            // The server rolls back when the session ends, which it does now.
            logger.debug("a transaction could not be rolled back and its connection is dropped: \(error)")
            close()
        }
    }
}
