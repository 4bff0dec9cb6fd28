import Decoding
import Foundation
import Inference
import Ledger
import Postgres
import Scoring
import Service
import Store

/// What the environment says.
struct Settings {
    /// The data folder: private cluster, models.
    let home: URL
    let environment: [String: String]

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment
        home =
            if let path = environment["LONGVIEW_HOME"], !path.isEmpty {
                URL(fileURLWithPath: path, isDirectory: true)
            } else {
                FileManager.default.homeDirectoryForCurrentUser
                    .appendingPathComponent(".local/share/longview", isDirectory: true)
            }
    }

    var library: ModelLibrary { ModelLibrary(folder: home.appendingPathComponent("models", isDirectory: true)) }

    var cluster: PrivateCluster {
        PrivateCluster(directory: home.appendingPathComponent("postgres", isDirectory: true))
    }

    /// The database named by `DATABASE_URL`, else by libpq's variables; nil where the private one is to be used.
    func namedDatabase() throws -> PostgresConfiguration? {
        if let url = environment["DATABASE_URL"], !url.isEmpty { return try PostgresConfiguration(url: url) }
        let naming = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"]
        return naming.contains { environment[$0]?.isEmpty == false } ? .fromEnvironment() : nil
    }

    /// The bytes of received objects.
    var objects: ObjectFolder { ObjectFolder(home.appendingPathComponent("objects", isDirectory: true)) }

    /// Decoder processes, one a core at most. Where `LONGVIEW_REQUIRE_CONFINEMENT` is 1, a kernel that can't confine them
    /// completely is an error.
    var decoders: DecoderPool { decoders(requiresConfinement: environment["LONGVIEW_REQUIRE_CONFINEMENT"] == "1") }

    /// For what reads objects that nobody at this machine chose: complete confinement, unless
    /// `LONGVIEW_REQUIRE_CONFINEMENT` is 0.
    var confinedDecoders: DecoderPool {
        decoders(requiresConfinement: environment["LONGVIEW_REQUIRE_CONFINEMENT"] != "0")
    }

    private func decoders(requiresConfinement: Bool) -> DecoderPool {
        DecoderPool(
            path: DecoderPool.standardPath, size: min(8, ProcessInfo.processInfo.activeProcessorCount),
            requiresConfinement: requiresConfinement)
    }

    /// How to compute, from `threads` (a flag) over `LONGVIEW_THREADS` over the machine's cores.
    func execution(threads: Int?) throws -> ExecutionOptions {
        var count = ProcessInfo.processInfo.activeProcessorCount
        if let text = environment["LONGVIEW_THREADS"], !text.isEmpty {
            guard let value = Int(text), value > 0 else {
                throw Failure("LONGVIEW_THREADS is not a positive number; set it to a number of threads or unset it")
            }
            count = value
        }
        let name = environment["LONGVIEW_KERNELS"].flatMap { $0.isEmpty ? nil : $0 } ?? "auto"
        return try ExecutionOptions(threads: threads ?? count, kernelsNamed: name)
    }

    /// Who records: a person at the command line, or the account a service runs under.
    func recorder(_ kind: EntryActor.Kind) -> Recorder {
        Recorder(
            kind: kind, account: NSUserName(), host: Program.host, version: Program.version,
            site: environment["LONGVIEW_SITE"].flatMap { $0.isEmpty ? nil : $0 })
    }

    /// The records, in the named database or the private one, which is started and brought to this schema as needed.
    func openStore(as kind: EntryActor.Kind = .person, connections: Int = 4) async throws -> Store {
        Store(
            try await openDatabase(user: PrivateCluster.workerRole), recorder: recorder(kind),
            maximumConnections: connections, logger: Program.logger)
    }

    /// The records as a clinician or auditor sees them.
    func openReads(as role: AuditedReads.Role, purpose: String) async throws -> AuditedReads {
        try AuditedReads(
            await openDatabase(user: role.rawValue), as: role, purpose: purpose, recorder: recorder(.person),
            logger: Program.logger)
    }

    /// The named database; or, as one of its users, the private one, which is started and brought to this schema as needed.
    func openDatabase(user: String) async throws -> PostgresConfiguration {
        if let configuration = try namedDatabase() {
            let state = try await Schema.withConnection(configuration) { try await Schema.migrator.status(on: $0) }
            guard state.isCurrent else {
                throw Failure(
                    "the database's schema is not this program's: \(state.summary); run `longview db migrate` as its owner"
                )
            }
            return configuration
        }
        let cluster = self.cluster
        let owner = try await cluster.start()
        try await Schema.withConnection(owner) { _ = try await Schema.migrate(on: $0, recorder: recorder(.person)) }
        return try cluster.configuration(user: user)
    }
}

extension Schema {
    /// Runs `body` on a connection of its own.
    static func withConnection<Value: Sendable>(
        _ configuration: PostgresConfiguration, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await PostgresConnection.with(configuration, logger: Program.logger, body)
    }
}

extension Migrator.Status {
    /// Where the schema stands, in words.
    var summary: String {
        if let problem { return "\(problem)" }
        let latest = applied.last.map { "at migration \($0.version) (\($0.name))" } ?? "not there"
        return pending.isEmpty ? "current, \(latest)" : "\(latest), \(pending.count) to come"
    }
}
