/// What went wrong with a connection, a statement or its values.
///
/// `description` may be shown and logged: it holds no value of a parameter or a row. The server's DETAIL, its hint and
/// the text of the statement are in `debugDescription` only, which is for a developer's eyes.
public struct PostgresError: Error, Sendable {
    /// The kind of failure; the codes a program acts upon. New ones may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as logs and JSON show it.
        public var rawValue: String

        /// The code of a name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// The kind of failure.
    public var code: Code
    /// The server's five-character SQLSTATE, where the server said one.
    public var sqlState: String?
    /// What happened and what to do, free of values.
    public var message: String
    /// The constraint that was violated, where the server named one.
    public var constraint: String?
    /// The table concerned, where the server named one.
    public var table: String?
    /// The column concerned, where the server named one.
    public var column: String?
    /// The error that led to this one.
    public var underlying: (any Error)?
    /// For a developer: the server's own words and the statement. May hold values.
    public var details: [String] = []
    /// Where in the statement the server found the fault: characters (Unicode scalars) from 1.
    public var position: Int?

    /// An error of a kind, with its message.
    public init(_ code: Code, _ message: String, sqlState: String? = nil, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.underlying = underlying
    }

    /// Whether the same work, begun again from the start of its transaction, may well succeed.
    ///
    /// False for `unknownCommitOutcome`: the work may have been done already.
    public var isRetryable: Bool {
        let codes: Set<Code> = [
            .connectionFailed, .connectionLost, .serializationFailure, .deadlockDetected, .lockNotAvailable,
            .tooManyConnections, .serverUnavailable,
        ]
        return codes.contains(code)
    }
}

extension PostgresError.Code {
    /// No connection could be made.
    public static let connectionFailed = Self(rawValue: "connection_failed")
    /// The server refused the user or password.
    public static let authenticationFailed = Self(rawValue: "authentication_failed")
    /// The database does not exist.
    public static let databaseMissing = Self(rawValue: "database_missing")
    /// The server is starting, stopping or recovering.
    public static let serverUnavailable = Self(rawValue: "server_unavailable")
    /// The connection broke; nothing that was not committed remains.
    public static let connectionLost = Self(rawValue: "connection_lost")
    /// The connection broke during COMMIT: the transaction may or may not have been committed.
    public static let unknownCommitOutcome = Self(rawValue: "unknown_commit_outcome")
    /// The connection or pool was closed.
    public static let connectionClosed = Self(rawValue: "connection_closed")
    /// Another task's transaction or stream is under way on this connection.
    public static let connectionInUse = Self(rawValue: "connection_in_use")
    /// The transaction was rolled back because an earlier statement in it had failed.
    public static let transactionAborted = Self(rawValue: "transaction_aborted")
    /// A connection string that can't be read.
    public static let invalidConfiguration = Self(rawValue: "invalid_configuration")
    /// The server is older than this program supports.
    public static let unsupportedServer = Self(rawValue: "unsupported_server")
    /// A value PostgreSQL can't store.
    public static let invalidParameter = Self(rawValue: "invalid_parameter")
    /// A column that can't be read as asked.
    public static let decodingFailed = Self(rawValue: "decoding_failed")
    /// A statement this client does not run (COPY, or none at all).
    public static let unsupportedStatement = Self(rawValue: "unsupported_statement")
    /// SQLSTATE 23505.
    public static let uniqueViolation = Self(rawValue: "unique_violation")
    /// SQLSTATE 23503.
    public static let foreignKeyViolation = Self(rawValue: "foreign_key_violation")
    /// SQLSTATE 23514.
    public static let checkViolation = Self(rawValue: "check_violation")
    /// SQLSTATE 23502.
    public static let notNullViolation = Self(rawValue: "not_null_violation")
    /// SQLSTATE 23P01.
    public static let exclusionViolation = Self(rawValue: "exclusion_violation")
    /// SQLSTATE 40001.
    public static let serializationFailure = Self(rawValue: "serialization_failure")
    /// SQLSTATE 40P01.
    public static let deadlockDetected = Self(rawValue: "deadlock_detected")
    /// SQLSTATE 55P03.
    public static let lockNotAvailable = Self(rawValue: "lock_not_available")
    /// SQLSTATE 57014 without a cancelled task: the statement time-out, or an administrator.
    public static let statementCancelled = Self(rawValue: "statement_cancelled")
    /// SQLSTATE 53100.
    public static let diskFull = Self(rawValue: "disk_full")
    /// SQLSTATE 53200.
    public static let outOfMemory = Self(rawValue: "out_of_memory")
    /// SQLSTATE 53300.
    public static let tooManyConnections = Self(rawValue: "too_many_connections")
    /// SQLSTATE 25006.
    public static let readOnly = Self(rawValue: "read_only")
    /// SQLSTATE 42501.
    public static let permissionDenied = Self(rawValue: "permission_denied")
    /// SQLSTATE 42P01, 3F000, 42703, 42883, 42704: the schema lacks something.
    public static let undefinedObject = Self(rawValue: "undefined_object")
    /// SQLSTATE class 22: a value the server could not use.
    public static let dataException = Self(rawValue: "data_exception")
    /// Any other SQLSTATE; see `sqlState`.
    public static let server = Self(rawValue: "server_error")
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The message and the SQLSTATE; free of values.
    public var description: String {
        guard let sqlState else { return message }
        return "\(message) (SQLSTATE \(sqlState))"
    }

    /// The same with what the server said, which may hold values.
    public var debugDescription: String {
        var parts = ["PostgresError \(code.rawValue): \(description)"]
        parts += details
        if let underlying { parts.append("underlying: \(String(reflecting: underlying))") }
        return parts.joined(separator: "\n")
    }
}
