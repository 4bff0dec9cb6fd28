import CLibpq

/// The fields of an error or notice as the server sent them.
struct ServerMessage {
    var severity: String
    var sqlState: String?
    var primary: String
    var detail: String?
    var hint: String?
    var context: String?
    var constraint: String?
    var table: String?
    var column: String?
    var position: Int?

    /// The fields of a result that is an error or a notice.
    init(_ result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
        }
        // The letters are the PG_DIAG_* macros of postgres_ext.h, which Swift does not import.
        severity = field("V") ?? field("S") ?? "ERROR"
        sqlState = field("C")
        primary = field("M") ?? String(cString: PQresultErrorMessage(result)).singleLine
        detail = field("D")
        hint = field("H")
        context = field("W")
        constraint = field("n")
        table = field("t")
        column = field("c")
        position = field("P").flatMap { Int($0) }
    }
}

extension String {
    /// The text with every run of white space, line ends included, made one space.
    var singleLine: String {
        split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

extension PostgresError {
    /// The one place where an error of the server becomes a Swift error.
    init(_ server: ServerMessage, statement: String, parameters: [PostgresParameter?]) {
        let state = server.sqlState ?? ""
        let (code, advice) = Self.meaning(ofState: state)
        // Messages of class 22 quote the value that was refused ('invalid input syntax for type uuid: "…"').
        var message = state.hasPrefix("22") ? "the database refused a value" : server.primary.singleLine
        message = Self.redacted(message, parameters: parameters)
        self.init(code, advice.map { "\(message); \($0)" } ?? message, sqlState: server.sqlState)
        constraint = server.constraint
        table = server.table
        column = server.column
        position = server.position
        details = [
            "server: \(server.severity) \(server.primary)", server.detail.map { "detail: \($0)" },
            server.hint.map { "hint: \($0)" }, server.context.map { "context: \($0)" }, "statement: \(statement)",
        ].compactMap { $0 }
    }

    /// A text parameter may reach a message of any class, as by a cast to `regclass` or a function's RAISE. Texts of
    /// one or two characters are left: they would be found within ordinary words.
    private static func redacted(_ message: String, parameters: [PostgresParameter?]) -> String {
        var message = message
        for case let parameter? in parameters where parameter.format == .text && parameter.bytes.count > 3 {
            let value = String(decoding: parameter.bytes.dropLast(), as: UTF8.self).singleLine
            guard value.count > 2 else { continue }
            message = message.split(separator: value, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return message
    }

    /// The code of an SQLSTATE and what to do about it. Source: PostgreSQL manual, appendix A.
    static func meaning(ofState state: String) -> (code: Code, advice: String?) {
        switch state {
        case "23505": (.uniqueViolation, nil)
        case "23503": (.foreignKeyViolation, nil)
        case "23514": (.checkViolation, nil)
        case "23502": (.notNullViolation, nil)
        case "23P01": (.exclusionViolation, nil)
        case "40001": (.serializationFailure, nil)
        case "40P01": (.deadlockDetected, nil)
        case "55P03": (.lockNotAvailable, nil)
        case "57014": (.statementCancelled, nil)
        case "57P01", "57P02", "57P03", "57P05":
            (.serverUnavailable, "the database server is starting, stopping or was interrupted; try again shortly")
        case "53100": (.diskFull, "free space on the database server's disk; nothing recorded so far is lost")
        case "53200": (.outOfMemory, "the database server ran out of memory; see its log")
        case "53300":
            (.tooManyConnections, "close other clients, lower the pool size, or raise max_connections on the server")
        case "25006": (.readOnly, "connect to the primary server, not to a standby, and check transaction_read_only")
        case "42501": (.permissionDenied, "grant the missing right to this database role, or connect as another")
        case "42P01", "3F000", "42703", "42883", "42704":
            (.undefinedObject, "the database's schema is missing or older than this program; run longview db migrate")
        case "3D000": (.databaseMissing, "create the database, or correct its name in DATABASE_URL or PGDATABASE")
        case "28000", "28P01":
            (.authenticationFailed, "check the user and password in DATABASE_URL or PG*, and the server's pg_hba.conf")
        case _ where state.hasPrefix("22"): (.dataException, nil)
        case _ where state.hasPrefix("08"): (.connectionLost, nil)
        default: (.server, nil)
        }
    }
}
