import CLibpq
import Foundation
import Logging

/// A `PGconn`, owned. Not Sendable: only the executor of one connection may touch it, and every call may block.
final class ConnectionHandle {
    private let connection: OpaquePointer
    private let notices: NoticeLog
    let canceller: StatementCanceller

    /// The oldest server whose SQL and catalogues are known to serve.
    private static let oldestServer: Int32 = 130_000

    /// Connects and prepares the session.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` where the task was cancelled meanwhile.
    init(_ configuration: PostgresConfiguration, logger: Logger) throws {
        let connection = try Self.connect(configuration)
        guard let canceller = StatementCanceller(connection: connection) else {
            PQfinish(connection)
            throw PostgresError(.connectionFailed, "no memory for a connection to \(configuration)")
        }
        self.connection = connection
        self.canceller = canceller
        notices = NoticeLog(logger)
        notices.attach(to: connection)
        let version = PQserverVersion(connection)
        guard version >= Self.oldestServer else {
            throw PostgresError(
                .unsupportedServer,
                "\(configuration) runs PostgreSQL \(version / 10_000); version \(Self.oldestServer / 10_000) or later is needed"
            )
        }
        // The server as well must notice that this machine is gone: what a transaction has locked stays so until then.
        let keepAlive = PostgresConfiguration.keepAlive
        let timeout = configuration.statementTimeout.map { String(Int($0 / .milliseconds(1))) }
        _ = try execute(
            """
            SELECT set_config('TimeZone', 'UTC', false),
                   set_config('statement_timeout', coalesce($1, current_setting('statement_timeout')), false),
                   set_config('role', coalesce($2, current_setting('role')), false),
                   set_config('tcp_keepalives_idle', $3, false), set_config('tcp_keepalives_interval', $4, false),
                   set_config('tcp_keepalives_count', $5, false), set_config('tcp_user_timeout', $6, false)
            """,
            [try timeout?.postgresParameter(), try configuration.role?.postgresParameter()]
                + [
                    keepAlive.idle, keepAlive.interval, keepAlive.count, PostgresConfiguration.acknowledgement,
                ].map { try "\($0)".postgresParameter() })
    }

    deinit {
        PQfinish(connection)
    }

    /// Whether libpq still believes in the connection.
    var isAlive: Bool { PQstatus(connection) == CONNECTION_OK }

    var transactionStatus: PGTransactionStatusType { PQtransactionStatus(connection) }

    /// The server process of this session.
    var backendProcess: Int32 { PQbackendPID(connection) }

    /// Takes in what the server sent unasked, so that an idle connection which the server has closed is noticed.
    /// Does not block.
    func checkAlive() -> Bool {
        var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
        // A farewell comes before the end of the stream, so there may be more than one thing to take in.
        while isAlive, poll(&descriptor, 1, 0) > 0 {
            guard PQconsumeInput(connection) == 1 else { return false }
            _ = PQisBusy(connection)
        }
        return isAlive
    }

    // MARK: Statements

    /// Runs one statement to its end.
    func execute(_ text: String, _ parameters: [PostgresParameter?]) throws -> ResultHandle {
        try send(text, parameters)
        var last: ResultHandle?
        while let result = try nextResult(text, parameters) { last = result }
        guard let last else { throw lost(during: text) }
        return last
    }

    /// Runs a text of several statements, which takes no parameters, to its end or to the first error. Calls `finished`
    /// after each statement.
    func executeScript(_ text: String, finished: () -> Void) throws {
        guard PQsendQuery(connection, text) == 1 else { throw lost(during: text) }
        while try nextResult(text, [], allowsEmpty: true) != nil { finished() }
    }

    /// Sends one statement whose rows are then taken one at a time with `nextResult`.
    func beginStream(_ text: String, _ parameters: [PostgresParameter?]) throws {
        try send(text, parameters)
        PQsetSingleRowMode(connection)
    }

    /// The next result of what was sent, nil after the last. On an error the rest is read and dropped, so that the
    /// connection is ready for the next statement.
    func nextResult(
        _ text: String, _ parameters: [PostgresParameter?], allowsEmpty: Bool = false
    ) throws -> ResultHandle? {
        guard let result = PQgetResult(connection).map(ResultHandle.init) else {
            guard isAlive else { throw lost(during: text) }
            return nil
        }
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE:
            return result
        case PGRES_EMPTY_QUERY:
            if allowsEmpty { return result }
            drain()
            throw PostgresError(.unsupportedStatement, "the statement is empty")
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            leaveCopy()
            throw PostgresError(
                .unsupportedStatement, "COPY to or from the client is not supported; use SELECT or INSERT")
        default:
            drain()
            var error = PostgresError(result.serverMessage, statement: text, parameters: parameters)
            if !isAlive {
                error.code = .connectionLost
                error.message = "the connection to the database was lost: \(error.message)"
            }
            throw error
        }
    }

    /// Stops the statement under way, if one is, and reads what is left of it.
    func abandon() {
        guard transactionStatus == PQTRANS_ACTIVE else { return }
        canceller.requestNow()
        drain()
    }

    private func send(_ text: String, _ parameters: [PostgresParameter?]) throws {
        let types = parameters.map { $0?.type.rawValue ?? 0 }
        let lengths = parameters.map { Int32(truncatingIfNeeded: $0?.bytes.count ?? 0) }
        let formats = parameters.map { $0?.format.rawValue ?? 0 }
        let sent = parameters.withPointers { values in
            PQsendQueryParams(
                connection, text, Int32(parameters.count), types, values, lengths, formats,
                PostgresParameter.Format.binary.rawValue)
        }
        guard sent == 1 else {
            guard isAlive else { throw lost(during: text) }
            throw PostgresError(.unsupportedStatement, "the statement could not be sent: \(errorMessage)")
        }
    }

    private func drain() {
        while let result = PQgetResult(connection) {
            let status = PQresultStatus(result)
            PQclear(result)
            if status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH { return leaveCopy() }
        }
    }

    /// Ends a COPY that was not asked for and reads what is left.
    private func leaveCopy() {
        PQputCopyEnd(connection, "COPY is not supported")
        var row: UnsafeMutablePointer<CChar>?
        while PQgetCopyData(connection, &row, 0) > 0 { PQfreemem(row) }
        while let result = PQgetResult(connection) { PQclear(result) }
    }

    private var errorMessage: String { String(cString: PQerrorMessage(connection)).singleLine }

    private func lost(during statement: String) -> PostgresError {
        var error = PostgresError(.connectionLost, "the connection to the database was lost: \(errorMessage)")
        error.details = ["statement: \(statement)"]
        return error
    }
}

extension [PostgresParameter?] {
    /// Calls `body` with a pointer to the bytes of each value, NULL for nil; nothing is copied.
    fileprivate func withPointers<Result>(_ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
        var pointers: [UnsafePointer<CChar>?] = []
        pointers.reserveCapacity(count)
        func descend(_ index: Int) -> Result {
            guard index < count else { return body(pointers) }
            guard let parameter = self[index] else {
                pointers.append(nil)
                return descend(index + 1)
            }
            // An empty array has no address, which libpq would take for NULL.
            let bytes = parameter.bytes.isEmpty ? [0] : parameter.bytes
            return bytes.withUnsafeBytes {
                pointers.append($0.assumingMemoryBound(to: CChar.self).baseAddress)
                return descend(index + 1)
            }
        }
        return descend(0)
    }
}
