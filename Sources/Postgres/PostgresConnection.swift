import CLibpq
public import Logging

/// One session with a PostgreSQL server.
///
/// libpq is called on the connection's own executor and may block there. A connection serves one task at a time: while
/// a transaction or a stream is open, a statement from another task is refused with `connectionInUse`. For concurrent
/// work take connections from a ``PostgresPool``.
///
/// Cancelling the task cancels the statement it waits for, which then throws `CancellationError`; the connection
/// stays usable.
public actor PostgresConnection {
    /// Identifies the transaction that the current task runs, if any.
    @TaskLocal static var currentTransaction: UInt64?

    private let executor: ConnectionExecutor
    /// The executor on which libpq is called.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Where notices and the connection's own events go.
    public nonisolated let logger: Logger

    private var state = State.closed
    var openTransaction: UInt64?
    var lastTransaction: UInt64 = 0
    var openStream: StatementText?

    private enum State {
        case open(ConnectionHandle)
        case lost
        case closed
    }

    /// A statement ready to be sent.
    struct StatementText: Sendable {
        var text: String
        var parameters: [PostgresParameter?]

        init(_ sql: SQL, _ parameters: [(any PostgresEncodable)?]) throws {
            text = sql.text
            self.parameters = try parameters.map { try $0?.postgresParameter() }
        }
    }

    private init(logger: Logger) {
        executor = ConnectionExecutor()
        self.logger = logger
    }

    /// Connects to a database.
    ///
    /// - Throws: ``PostgresError`` (`connectionFailed`, `authenticationFailed`, `databaseMissing`,
    ///   `tooManyConnections`, `unsupportedServer`…), or `CancellationError`.
    public static func connect(_ configuration: PostgresConfiguration, logger: Logger) async throws
        -> PostgresConnection
    {
        let connection = PostgresConnection(logger: logger)
        try await connection.open(configuration)
        return connection
    }

    /// Lends `body` a connection of its own, which is closed afterwards.
    ///
    /// - Throws: as ``connect(_:logger:)``, or what `body` throws.
    public static func with<Value: Sendable>(
        _ configuration: PostgresConfiguration, logger: Logger, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await connect(configuration, logger: logger)
        do {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    private func open(_ configuration: PostgresConfiguration) throws {
        state = .open(try ConnectionHandle(configuration, logger: logger))
    }

    /// Ends the session. What an open transaction did is rolled back by the server.
    public func close() {
        state = .closed
        openStream = nil
        openTransaction = nil
    }

    /// The server process that serves this session.
    ///
    /// - Throws: ``PostgresError`` with the code `connectionLost` or `connectionClosed`.
    public var backendProcess: Int32 { get throws { try handle.backendProcess } }

    // MARK: Statements

    /// Runs a statement and returns its rows, all of them in memory; see ``forEachRow(_:_:on:_:)`` for many.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` where the task was cancelled.
    @discardableResult
    public func query(_ sql: SQL, _ parameters: (any PostgresEncodable)?...) async throws -> PostgresRows {
        try await query(sql, parameters: parameters)
    }

    /// Runs a statement, its parameters given as an array, and returns its rows.
    @discardableResult
    public func query(_ sql: SQL, parameters: [(any PostgresEncodable)?]) async throws -> PostgresRows {
        PostgresRows(try await run(sql, parameters))
    }

    /// Runs a statement and returns the number of rows it inserted, updated, deleted or selected.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` where the task was cancelled.
    @discardableResult
    public func execute(_ sql: SQL, _ parameters: (any PostgresEncodable)?...) async throws -> Int {
        try await execute(sql, parameters: parameters)
    }

    /// Runs a statement, its parameters given as an array, and returns the number of rows concerned.
    @discardableResult
    public func execute(_ sql: SQL, parameters: [(any PostgresEncodable)?]) async throws -> Int {
        try await run(sql, parameters).affectedRows
    }

    private func run(_ sql: SQL, _ parameters: [(any PostgresEncodable)?]) async throws -> ResultHandle {
        try checkOwner()
        let statement = try StatementText(sql, parameters)
        return try await cancellable { try $0.execute(statement.text, statement.parameters) }
    }

    /// Runs the statements of `text` in one go. Calls `finished` after each.
    func executeScript(_ text: String, finished: () -> Void) async throws {
        try checkOwner()
        try await cancellable { try $0.executeScript(text, finished: finished) }
    }

    /// Whether a statement of the transaction that is open on the server has failed.
    var isInFailedTransaction: Bool { (try? handle.transactionStatus) == PQTRANS_INERROR }

    // MARK: The handle

    /// Refuses a statement of a task other than the one whose transaction or stream is open.
    func checkOwner() throws {
        guard openStream == nil else {
            throw PostgresError(
                .connectionInUse, "rows of another statement are being read on this connection; use a second one")
        }
        guard openTransaction == nil || openTransaction == Self.currentTransaction else {
            throw PostgresError(
                .connectionInUse, "another task's transaction is open on this connection; use a second one")
        }
    }

    private var handle: ConnectionHandle {
        get throws {
            switch state {
            case .open(let handle): handle
            case .lost: throw PostgresError(.connectionLost, "the connection to the database was lost; connect again")
            case .closed: throw PostgresError(.connectionClosed, "the connection to the database is closed")
            }
        }
    }

    /// Does `work` with the handle, cancelling the statement under way when the task is cancelled.
    func cancellable<Result>(_ work: (ConnectionHandle) throws -> Result) async throws -> Result {
        try Task.checkCancellation()
        let handle = try handle
        let canceller = handle.canceller
        let ticket = canceller.begin()
        do {
            return try await withTaskCancellationHandler {
                defer { canceller.end() }
                return try noticingLoss(handle, work)
            } onCancel: {
                canceller.cancel(ticket)
            }
        } catch let error as PostgresError where error.code == .statementCancelled && Task.isCancelled {
            throw CancellationError()
        }
    }

    /// Does `work` with the handle whether or not the task is cancelled: the end of a transaction or of a stream.
    func uncancellable<Result>(_ work: (ConnectionHandle) throws -> Result) throws -> Result {
        try noticingLoss(try handle, work)
    }

    private func noticingLoss<Result>(
        _ handle: ConnectionHandle, _ work: (ConnectionHandle) throws -> Result
    ) throws -> Result {
        defer {
            if !handle.isAlive { state = .lost }
        }
        return try work(handle)
    }

    // MARK: Between two users of a pool

    /// Makes the connection ready for its next user; false where it can't serve any more.
    func prepareForReuse() -> Bool {
        guard case .open(let handle) = state, openStream == nil, openTransaction == nil else { return false }
        do {
            return try noticingLoss(handle) { handle in
                guard handle.checkAlive() else { return false }
                if handle.transactionStatus != PQTRANS_IDLE {
                    logger.warning("a transaction begun outside withTransaction was left open and is rolled back")
                    _ = try handle.execute("ROLLBACK", [])
                }
                return true
            }
        } catch {
            return false
        }
    }
}
