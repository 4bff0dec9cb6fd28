import CLibpq
import Foundation

/// How to reach a database, and what a session begins with.
///
/// Its description names host, database and user; the password is never shown.
public struct PostgresConfiguration: Sendable {
    /// A URL or key-value connection string, as libpq reads it. May hold a password.
    let connectionString: String

    /// The name seen in `pg_stat_activity`, unless the connection string or `PGAPPNAME` gives one.
    public var applicationName = "longview"
    /// A role to take on after connecting (SET ROLE).
    public var role: String?
    /// The time allowed for connecting, over all hosts.
    public var connectTimeout: Duration = .seconds(10)
    /// The time after which the server ends a statement; nil leaves the server's own setting.
    public var statementTimeout: Duration?

    /// The database named by a connection URL (`postgresql://user:password@host:port/database?option=value`) or by
    /// libpq's key-value form; what it leaves out comes from `PG*` variables, then from libpq's defaults.
    ///
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`, which does not repeat the text.
    public init(url: String) throws {
        guard let options = Self.options(of: url) else {
            throw PostgresError(
                .invalidConfiguration,
                "the database URL can't be read; write postgresql://user:password@host:port/database, "
                    + "with special characters percent-encoded")
        }
        PQconninfoFree(options)
        connectionString = url
    }

    /// The database named by libpq's own variables (`PGHOST`, `PGDATABASE`, `PGUSER`, `PGPASSFILE`, `PGSERVICE`…) and
    /// password file.
    public static func fromEnvironment() -> PostgresConfiguration {
        PostgresConfiguration(connectionString: "")
    }

    /// A server on a Unix socket in the folder at `socketDirectory`.
    init(socketDirectory: String, user: String, database: String) {
        self.init(
            connectionString: [("host", socketDirectory), ("user", user), ("dbname", database)]
                .map { "\($0)='\(Self.escaped($1))'" }.joined(separator: " "))
    }

    private init(connectionString: String) {
        self.connectionString = connectionString
    }

    /// A value within single quotes of a key-value connection string (libpq manual, section 34.1.1.1).
    private static func escaped(_ value: String) -> String {
        value.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
    }

    private static func options(of connectionString: String) -> UnsafeMutablePointer<PQconninfoOption>? {
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(connectionString, &message)
        // The message may quote a part of the password; it is not used.
        PQfreemem(message)
        return options
    }

    /// The connection's options by keyword: libpq's defaults and the environment, overlaid by the connection string.
    private func resolvedOptions() -> [String: String] {
        var values: [String: String] = [:]
        for options in [PQconndefaults(), Self.options(of: connectionString)] {
            guard let options else { continue }
            defer { PQconninfoFree(options) }
            var option = options
            while let keyword = option.pointee.keyword {
                if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
                option += 1
            }
        }
        return values
    }

    /// The keywords and values for `PQconnectStartParams`. The last entry is expanded and overrides those before it.
    var parameters: [(keyword: String, value: String)] {
        [
            ("client_encoding", "UTF8"), ("fallback_application_name", applicationName),
            ("keepalives_idle", "\(Self.keepAlive.idle)"), ("keepalives_interval", "\(Self.keepAlive.interval)"),
            ("keepalives_count", "\(Self.keepAlive.count)"), ("tcp_user_timeout", "\(Self.acknowledgement)"),
            ("dbname", connectionString),
        ]
    }

    /// Seconds of silence before the other side's machine is asked whether it is there, seconds between two questions,
    /// and questions. By the system's default it would be asked after two hours, and a statement wait as long.
    static let keepAlive = (idle: 10, interval: 5, count: 4)
    /// Milliseconds in which the other side's machine must acknowledge what was sent (tcp(7), TCP_USER_TIMEOUT): as long as
    /// it may be silent.
    static let acknowledgement = (keepAlive.idle + keepAlive.interval * keepAlive.count) * 1000
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// "database longview on db.example.org, port 5432, as ada".
    public var description: String {
        let options = resolvedOptions()
        let user = options["user"] ?? NSUserName()
        var text =
            "database \(options["dbname"] ?? user) on \(options["host"] ?? options["hostaddr"] ?? "this machine")"
        if let port = options["port"], options["host"]?.hasPrefix("/") != true { text += ", port \(port)" }
        return text + " as \(user)"
    }

    /// The same: the password is shown to nobody.
    public var debugDescription: String { description }

    /// Without the connection string: a dump must not show the password.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
