import Dispatch
public import Foundation

/// A PostgreSQL cluster of one's own, below a folder, reached only through a Unix socket by the user who runs it.
///
/// The server has no TCP port. Users are told by the operating system (peer authentication): the one who made the
/// cluster may be the role ``ownerRole`` (a superuser, for migrations) or one of ``workingRoles`` (no rights but those
/// granted).
/// Pages carry checksums; text is UTF-8 and sorts by code point.
///
/// As root, the server runs as the user `postgres`. Where that user can't reach the folder, as below `/root`, the
/// cluster is made in `/var/lib/longview/` and the folder becomes a symbolic link to it.
public struct PrivateCluster: Sendable {
    /// The superuser, who owns the schema.
    public static let ownerRole = "longview_owner"
    /// The role of ordinary work.
    public static let workerRole = "longview_worker"
    /// The role of those who look at scores.
    public static let clinicianRole = "longview_clinician"
    /// The role of those who look at who did what.
    public static let auditorRole = "longview_auditor"
    /// All roles but the owner's.
    static let workingRoles = [workerRole, clinicianRole, auditorRole]
    /// The database that is made with the cluster.
    public static let databaseName = "longview"

    /// Whether there is a cluster and it runs.
    public enum Status: Sendable, Equatable {
        /// The process ID of the server.
        case running(Int32)
        case stopped
        /// Not made yet.
        case absent
    }

    /// How a server is stopped.
    public enum StopMode: String, Sendable {
        /// Ends sessions, rolls back their transactions and writes a checkpoint.
        case fast
        /// At once, as in a crash; the next start recovers. Nothing that was committed is lost.
        case immediate
    }

    /// The folder of the cluster, as given, absolute.
    let directory: String
    /// Settings of the server beyond ours, by name.
    let settings: [String: String]

    /// The cluster in a folder, which need not exist.
    ///
    /// - Parameters:
    ///   - directory: a folder for nothing else.
    ///   - settings: server settings by name, as `shared_buffers`, applied at the next start.
    public init(directory: URL, settings: [String: String] = [:]) {
        self.directory = directory.standardizedFileURL.path
        self.settings = settings
    }

    var layout: ClusterLayout { ClusterLayout(directory: directory) }

    /// The folder in which the cluster really lies.
    public var location: URL { URL(fileURLWithPath: layout.root, isDirectory: true) }

    /// The server's log.
    public var logFile: URL { URL(fileURLWithPath: layout.logFile) }

    // MARK: Reaching it

    /// How to connect to the cluster as one of its roles.
    ///
    /// - Throws: ``PrivateClusterError`` where the folder belongs to somebody else.
    public func configuration(
        user: String = ownerRole, database: String = databaseName
    ) throws -> PostgresConfiguration {
        let layout = layout
        let account = try ServerAccount.server(data: layout.data)
        return PostgresConfiguration(socketDirectory: layout.socketDirectory(account), user: user, database: database)
    }

    /// The same as a URL, for `psql` and other programs.
    public func url(user: String = ownerRole, database: String = databaseName) throws -> String {
        let layout = layout
        let folder = layout.socketDirectory(try ServerAccount.server(data: layout.data))
        func encoded(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~")))
                ?? text
        }
        return "postgresql://\(encoded(user))@\(encoded(folder))/\(encoded(database))"
    }

    // MARK: Starting and stopping

    /// Makes the cluster where it is absent, starts it where it does not run, and returns how to connect as its owner.
    ///
    /// Any number of processes may call this at once; one of them does the work. The server goes on when this process
    /// ends.
    ///
    /// - Throws: ``PrivateClusterError``; `startFailed` quotes the last lines of the server's log.
    @discardableResult
    public func start() async throws -> PostgresConfiguration {
        try await Self.blocking {
            try startBlocking()
            return try configuration()
        }
    }

    /// Stops the server where it runs, and waits until it has.
    ///
    /// - Throws: ``PrivateClusterError`` with the code `stopFailed` where it does not end within a minute.
    public func stop(_ mode: StopMode = .fast) async throws {
        try await Self.blocking { try stopBlocking(mode) }
    }

    /// Does `work` on a thread outside the cooperative pool.
    private static func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await withCheckedThrowingContinuation { continuation in
            // A serial queue's thread is not the cooperative pool's; one for each call, as one may wait for another.
            DispatchQueue(label: "longview.postgres.cluster").async {
                continuation.resume(with: Swift.Result { try work() })
            }
        }
    }
}
