import CLibpq
import Foundation

extension ConnectionHandle {
    /// How often a cancelled task is looked for while connecting, in milliseconds.
    private static let pollInterval: Int32 = 50

    /// Makes a connection within the time allowed.
    static func connect(_ configuration: PostgresConfiguration) throws -> OpaquePointer {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let parameters = configuration.parameters
        guard
            let connection = withCStrings(
                parameters.map(\.keyword),
                { keywords in
                    withCStrings(parameters.map(\.value)) { values in PQconnectStartParams(keywords, values, 1) }
                })
        else {
            throw PostgresError(.connectionFailed, "no memory for a connection to \(configuration)")
        }
        do {
            // Verbose messages hold the SQLSTATE, which libpq keeps from us otherwise until a connection is made.
            PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
            try finishConnecting(connection, configuration, deadline: deadline)
            PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
            return connection
        } catch {
            PQfinish(connection)
            throw error
        }
    }

    private static func finishConnecting(
        _ connection: OpaquePointer, _ configuration: PostgresConfiguration, deadline: ContinuousClock.Instant
    ) throws {
        guard PQstatus(connection) != CONNECTION_BAD else { throw failure(connection, configuration) }
        // libpq asks for the state "writing" first (manual, section 34.1, PQconnectPoll).
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard state != PGRES_POLLING_FAILED else { throw failure(connection, configuration) }
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            while poll(&descriptor, 1, pollInterval) <= 0 {
                try Task.checkCancellation()
                guard ContinuousClock.now < deadline else {
                    throw PostgresError(
                        .connectionFailed,
                        "no answer from \(configuration) within \(configuration.connectTimeout); "
                            + "check host, port and firewall")
                }
            }
            state = PQconnectPoll(connection)
        }
    }

    private static func failure(_ connection: OpaquePointer, _ configuration: PostgresConfiguration) -> PostgresError {
        let text = String(cString: PQerrorMessage(connection))
        // `FATAL:  3D000: database "x" does not exist`, followed by lines such as `LOCATION:  InitPostgres, …`.
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        var message = lines.joined(separator: " ").singleLine
        var state: String?
        // Every SQLSTATE has a digit, which tells it from the word FATAL before it.
        if let match = message.firstMatch(of: #/: (?=[A-Z]*[0-9])([0-9A-Z]{5}): /#) {
            state = String(match.1)
            message.replaceSubrange(match.range, with: ": ")
        }
        let meaning = PostgresError.meaning(ofState: state ?? "")
        let advice = meaning.advice ?? "check that the server runs and that DATABASE_URL or PG* name it rightly"
        return PostgresError(
            meaning.code == .server ? .connectionFailed : meaning.code,
            "cannot connect to \(configuration): \(message); \(advice)", sqlState: state)
    }

    /// Calls `body` with a NULL-terminated array of C strings.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }
}
