import Foundation
import Glibc
import TestSupport
import Testing

/// Debian's PgBouncer in transaction mode before one database, ended with its last reference.
final class PgBouncer {
    static let program = "/usr/sbin/pgbouncer"
    static let isInstalled = access(program, X_OK) == 0

    /// An address of the loopback that no other server listens on.
    private let address = "127.214.\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
    private let login: String
    private let process = Process()
    private let log: URL

    /// Starts one that passes on what `login` says to the database `longview` at a port of the loopback, in `sessions`
    /// at most.
    init(_ longview: Installation, to database: UInt16, login: String, sessions: Int) throws {
        self.login = login
        let users = try longview.write("bouncer-users", Array("\"\(login)\" \"\"\n".utf8))
        let settings = try longview.write(
            "bouncer.ini",
            Array(
                """
                [databases]
                longview = host=127.0.0.1 port=\(database)
                [pgbouncer]
                listen_addr = \(address)
                listen_port = 6432
                unix_socket_dir =
                auth_type = trust
                auth_file = \(users)
                pool_mode = transaction
                default_pool_size = \(sessions)
                tcp_keepidle = 10
                tcp_keepintvl = 5
                tcp_keepcnt = 4
                tcp_user_timeout = 30000

                """.utf8))
        log = longview.folder.appendingPathComponent("bouncer.log")
        #expect(FileManager.default.createFile(atPath: log.path, contents: nil))
        process.executableURL = URL(fileURLWithPath: Self.program)
        // It does not run as root.
        process.arguments = (geteuid() == 0 ? ["--user", "postgres"] : []) + [settings]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// The database, through it.
    var url: String { "postgresql://\(login)@\(address):6432/longview" }

    /// What it said.
    var words: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
}
