public import Foundation
public import Logging
public import Postgres

/// A database of a test's own in a throw-away cluster, which all tests of the process share.
///
/// The cluster is made when the first test asks for it, in a folder below the temporary one, and is stopped and
/// removed when the process ends, however it ends.
public struct TestDatabase: Sendable {
    /// The name of the database.
    public let name: String
    private let cluster: PrivateCluster

    /// A new, empty database.
    public static func create() async throws -> TestDatabase {
        let cluster = try await TestCluster.shared.running()
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let administrator = try await PostgresConnection.connect(
            cluster.configuration(database: "postgres"), logger: TestLog.silent)
        try await cluster.createDatabase(name, on: administrator)
        await administrator.close()
        return TestDatabase(name: name, cluster: cluster)
    }

    /// How to connect to it: as the owner, unless another role is named.
    public func configuration(user: String = PrivateCluster.ownerRole) throws -> PostgresConfiguration {
        try cluster.configuration(user: user, database: name)
    }

    /// Its URL, for programs that are run by a test.
    public func url(user: String = PrivateCluster.ownerRole) throws -> String {
        try cluster.url(user: user, database: name)
    }

    /// A new connection to it.
    public func connect(
        user: String = PrivateCluster.ownerRole, logger: Logger = TestLog.silent
    ) async throws -> PostgresConnection {
        try await PostgresConnection.connect(configuration(user: user), logger: logger)
    }

    /// Removes it, ending what sessions it has. Without this it goes with the cluster.
    public func drop() async throws {
        let administrator = try await PostgresConnection.connect(
            cluster.configuration(database: "postgres"), logger: TestLog.silent)
        try await cluster.dropDatabase(name, on: administrator)
        await administrator.close()
    }
}

/// The cluster behind ``TestDatabase``.
private actor TestCluster {
    static let shared = TestCluster()
    private var start: Task<PrivateCluster, any Error>?

    func running() async throws -> PrivateCluster {
        if let start { return try await start.value }
        let task = Task {
            let folder = try TestFolder.forClusters()
            let cluster = PrivateCluster.forTests(in: folder)
            try await cluster.start()
            return cluster
        }
        start = task
        return try await task.value
    }
}

extension PrivateCluster {
    /// A cluster in `folder/postgres` that is not safe against a crash of the machine, and so quick.
    public static func forTests(in folder: URL) -> PrivateCluster {
        PrivateCluster(
            directory: folder.appendingPathComponent("postgres", isDirectory: true),
            settings: [
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "600",
            ])
    }
}

/// Folders that vanish with the test process.
public enum TestFolder {
    /// A new folder that any user may pass through, for clusters. When this process has ended, by whatever cause, the
    /// servers whose data are below it are stopped and the folder removed.
    public static func forClusters() throws -> URL {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("longview-test-\(UUID().uuidString.prefix(8))", isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let guardian = Process()
        guardian.executableURL = URL(fileURLWithPath: "/bin/sh")
        // Standard input ends when the last holder of the pipe's other end does: this process.
        guardian.arguments = [
            "-c",
            """
            trap '' INT TERM HUP
            read -r _
            find -L "$0" -name postmaster.pid | while read -r file; do
                pid=$(head -n 1 "$file") && kill -QUIT "$pid" || continue
                while kill -0 "$pid"; do sleep 0.1; done
            done
            rm -rf "$0"
            """,
            folder.path,
        ]
        let lifeline = Pipe()
        guardian.standardInput = lifeline
        guardian.standardOutput = FileHandle.nullDevice
        guardian.standardError = FileHandle.nullDevice
        try guardian.run()
        Lifelines.shared.keep(lifeline)
        return folder
    }

    /// Holds the pipes open until the process ends.
    private final class Lifelines: @unchecked Sendable {
        static let shared = Lifelines()
        /// Protected by `lock`.
        private var pipes: [Pipe] = []
        private let lock = NSLock()

        func keep(_ pipe: Pipe) {
            lock.withLock { pipes.append(pipe) }
        }
    }
}

/// Loggers for tests.
public enum TestLog {
    /// Discards everything.
    public static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}
