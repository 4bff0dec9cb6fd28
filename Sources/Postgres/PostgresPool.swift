public import Logging

/// A limited number of connections that tasks take turns with.
///
/// Connections are opened when needed, kept, and replaced when found dead. Tasks that wait are served in the order in
/// which they came. What a task sets for its session (SET, temporary tables, advisory locks) it has to undo.
public actor PostgresPool {
    private let configuration: PostgresConfiguration
    private let maximum: Int
    private let logger: Logger

    /// Ready connections, the most recently used last.
    private var idle: [PostgresConnection] = []
    /// Connections that exist, are lent, or are being opened.
    private var count = 0
    private var waiters: [Waiter] = []
    private var lastWaiter: UInt64 = 0
    private var isClosed = false
    private var closers: [CheckedContinuation<Void, Never>] = []

    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Lease, any Error>
    }

    /// What a task is given when its turn comes.
    private enum Lease {
        case connection(PostgresConnection)
        /// The right to open one more.
        case vacancy
    }

    /// A pool of at most `maximum` connections; none is opened yet.
    public init(_ configuration: PostgresConfiguration, maximum: Int, logger: Logger) {
        precondition(maximum > 0, "a pool needs at least one connection")
        self.configuration = configuration
        self.maximum = maximum
        self.logger = logger
    }

    /// Lends a connection to `body`, waiting for one if all are lent.
    ///
    /// - Throws: what `body` throws; ``PostgresError`` where no connection can be made (and `connectionClosed` after
    ///   ``close()``); `CancellationError` where the task was cancelled while it waited.
    public func withConnection<Result>(
        on actor: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await take()
        do {
            let result = try await body(connection)
            await giveBack(connection)
            return result
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// Lends a connection to `body` in a transaction; see ``PostgresConnection/withTransaction(isolation:on:_:)``.
    public func withTransaction<Result>(
        isolation: TransactionIsolation = .readCommitted,
        on actor: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        try await withConnection { connection in
            try await connection.withTransaction(isolation: isolation, body)
        }
    }

    /// Closes the pool: tasks that wait fail with `connectionClosed`, those that have a connection finish with it.
    /// Returns when the last connection is closed.
    public func close() async {
        isClosed = true
        for waiter in waiters { waiter.continuation.resume(throwing: Self.closed) }
        waiters = []
        let connections = idle
        idle = []
        for connection in connections {
            await connection.close()
            passOnVacancy()
        }
        if count > 0 { await withCheckedContinuation { closers.append($0) } }
    }

    private static let closed = PostgresError(.connectionClosed, "the connection pool is closed")

    /// The number of tasks that wait for a connection.
    public var waiting: Int { waiters.count }

    // MARK: Lending

    private func take() async throws -> PostgresConnection {
        var lease = try await nextLease()
        while case .connection(let connection) = lease {
            // The server may have closed it while it lay idle.
            if await connection.prepareForReuse() { return connection }
            logger.debug("replacing a database connection that was lost")
            await connection.close()
            lease = .vacancy
        }
        do {
            return try await PostgresConnection.connect(configuration, logger: logger)
        } catch {
            passOnVacancy()
            throw error
        }
    }

    private func nextLease() async throws -> Lease {
        guard !isClosed else { throw Self.closed }
        if let connection = idle.popLast() { return .connection(connection) }
        if count < maximum {
            count += 1
            return .vacancy
        }
        lastWaiter += 1
        let id = lastWaiter
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiters.append(Waiter(id: id, continuation: continuation))
                }
            }
        } onCancel: {
            Task { await self.dismiss(id) }
        }
    }

    private func dismiss(_ id: UInt64) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    private func giveBack(_ connection: PostgresConnection) async {
        let isReady = await connection.prepareForReuse()
        guard isReady, !isClosed else {
            await connection.close()
            return passOnVacancy()
        }
        if waiters.isEmpty {
            idle.append(connection)
        } else {
            waiters.removeFirst().continuation.resume(returning: .connection(connection))
        }
    }

    /// A connection is no more: the next in line may open another.
    private func passOnVacancy() {
        if !waiters.isEmpty {
            waiters.removeFirst().continuation.resume(returning: .vacancy)
            return
        }
        count -= 1
        if isClosed, count == 0 {
            for closer in closers { closer.resume() }
            closers = []
        }
    }
}
