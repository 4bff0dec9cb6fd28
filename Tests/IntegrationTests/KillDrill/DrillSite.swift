import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// What the kill drill is done to: an installation with the shipped model active on a cluster of its own that syncs
/// what it commits, its parts as processes, and the way that senders take to it.
final class DrillSite {
    /// A part that can be killed by itself.
    enum Part: String {
        /// Receiver, worker, sequencer and publisher in one process.
        case server = "serve"
        case receiver = "receive", worker = "work"
        /// The worker's two stages.
        case decodingWorker = "work --stage decode", scoringWorker = "work --stage score"
        /// Sequencer and publisher.
        case publisher = "publish"

        var receives: Bool { self == .server || self == .receiver }
        var decodes: Bool { self == .server || self == .worker || self == .decodingWorker }
        var works: Bool { decodes || self == .scoringWorker }

        fileprivate var arguments: [String] {
            // What a killed worker had is free again soon.
            rawValue.split(separator: " ").map(String.init)
                + (receives ? ["--any-caller", "--port", "0", "--http", "127.0.0.1:0"] : [])
                + (works ? ["--lease", "4"] : [])
        }
    }

    /// Reaches the database by its Unix socket, whatever is done to the parts' way there.
    let longview: Installation
    let parts: [Part]
    /// What senders connect to.
    let network: TCPProxy
    private let databaseURL: String
    /// What the parts see of the environment beyond this.
    var environment: [String: String] = [:]
    private var running: [Part: Installation.Running] = [:]

    /// - Parameter prepare: called before there is anything in the data folder.
    /// Nothing is started yet but the database.
    init(_ parts: [Part], prepare: (Installation) throws -> Void = { _ in }) async throws {
        longview = try await Installation(privateCluster: true)
        try prepare(longview)
        self.parts = parts
        try await longview.importShippedModel(active: true)
        databaseURL = try await longview.databaseURL()
        network = try TCPProxy(to: TCPProxy.Target(port: 1))
    }

    deinit { network.close() }

    // MARK: Parts

    /// Starts what does not run, and brings senders to it.
    func start() async throws {
        var served = longview
        served.environment.merge(environment) { $1 }
        for part in parts where running[part]?.isRunning != true {
            let process = try Installation.Running(served, part.arguments)
            running[part] = process
            guard part.receives else { continue }
            let port = try await longview.listeningPort(of: process)
            network.redirect(to: TCPProxy.Target(port: port))
        }
    }

    private func process(_ part: Part) throws -> Installation.Running { try #require(running[part]) }

    /// The process that has decoders.
    func worker() throws -> Installation.Running {
        let part = parts.first { $0.decodes }
        return try process(try #require(part))
    }

    /// Kills a part without a chance to tidy up.
    func kill(_ part: Part) async throws { try await process(part).end(by: SIGKILL) }

    /// What the parts said, for the comment of a failure.
    var words: Comment { "\(running.map { "\($0.key.rawValue):\n\($0.value.errors.suffix(4000))" }.joined())" }

    /// Ends all parts in order.
    func end() async throws {
        for part in parts {
            #expect(try await process(part).end(by: SIGTERM) == 0, words)
        }
    }

    // MARK: The database

    /// A query of the database's owner, asked until the database answers: it may be recovering.
    func query(_ sql: SQL) async throws -> PostgresRows {
        let end = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await PostgresConnection.with(
                    PostgresConfiguration(url: databaseURL), logger: TestLog.silent
                ) { try await $0.query(sql) }
            } catch {
                guard ContinuousClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// The folder of the database's data, and the process of its server.
    func databaseServer() throws -> (folder: String, process: Int32) {
        let file = try shell("find -L '\(longview.path("home"))' -name postmaster.pid")
        let process = try #require(Int32(try shell("head -n 1 '\(file)'")))
        return (URL(fileURLWithPath: file).deletingLastPathComponent().path, process)
    }

    /// Starts the database where it does not run, as often as it takes.
    func startDatabase() async throws {
        try await longview.wait("the database does not start again") {
            try await longview.run("db", "start").status == 0
        }
    }

    /// Has the parts reach the database over a network, which this returns, as a login.
    func networkToDatabase(as login: String = PrivateCluster.workerRole) async throws -> TCPProxy {
        let folder = try databaseServer().folder
        // A database that is not the private one has no key of itself.
        #expect(try await longview.run("publish", "--once").status == 0)
        // An address of the loopback that no other server listens on.
        let address = "127.213.\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
        let rules = try longview.write(
            "pg_hba.conf",
            "local all all peer map=longview\nhost longview \(login) 127.0.0.0/8 trust\n".utf8)
        _ = try shell(
            """
            printf "listen_addresses = '%s'\\nhba_file = '%s'\\n" '\(address)' '\(rules)' \
            >>'\(folder)/postgresql.auto.conf'
            """)
        #expect(try await longview.run("db", "stop").status == 0)
        try await startDatabase()
        let proxy = try TCPProxy(to: TCPProxy.Target(address, port: 5432))
        environment["DATABASE_URL"] = "postgresql://\(login)@127.0.0.1:\(proxy.port)/longview"
        return proxy
    }

    /// Has the database take no writes, as a standby does not; or take them again.
    func setReadOnly(_ isReadOnly: Bool) async throws {
        try await PostgresConnection.with(PostgresConfiguration(url: databaseURL), logger: TestLog.silent) {
            let change: SQL =
                isReadOnly
                ? "ALTER SYSTEM SET default_transaction_read_only = on"
                : "ALTER SYSTEM RESET default_transaction_read_only"
            try await $0.execute(change)
            try await $0.execute("SELECT pg_reload_conf()")
        }
        try await longview.wait("the database did not take up its setting") {
            try await query("SHOW transaction_read_only")[0]["transaction_read_only"] == (isReadOnly ? "on" : "off")
        }
    }
}
