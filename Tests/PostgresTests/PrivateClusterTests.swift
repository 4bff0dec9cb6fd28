import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@Suite("The private cluster")
struct PrivateClusterTests {
    private func shell(_ command: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("it is made, started, started again without effect, stopped, and started with its data")
    func lifeCycle() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        #expect(cluster.status() == .absent)
        try await cluster.stop()

        let configuration = try await cluster.start()
        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        var connection = try await PostgresConnection.connect(configuration, logger: TestLog.silent)
        try await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        await connection.close()

        try await cluster.start()
        #expect(cluster.status() == .running(process))

        try await cluster.stop()
        #expect(cluster.status() == .stopped)
        try await cluster.stop()

        connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        let kept: Int = try await connection.query("SELECT n FROM kept")[0]["n"]
        #expect(kept == 7)
        try await cluster.stop()
    }

    @Test("it has checksums, UTF-8, code point order, and no TCP port")
    func settings() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        let connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        let row = try await connection.query(
            """
            SELECT current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding,
                   current_setting('listen_addresses') AS addresses, upper('ä') = 'Ä' AS alphabet,
                   'Z'::text < 'a'::text AS codepoints, current_setting('log_error_verbosity') AS verbosity
            """)[0]
        #expect(try row["checksums"] == "on")
        #expect(try row["encoding"] == "UTF8")
        #expect(try row["addresses"] == "")
        #expect(try row["alphabet"] == true)
        #expect(try row["codepoints"] == true)
        #expect(try row["verbosity"] == "terse")

        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        // The server's open sockets against the kernel's table of TCP sockets (proc(5)).
        let listening = try shell(
            """
            for link in /proc/\(process)/fd/*; do readlink "$link"; done | sed -n 's/^socket:\\[\\(.*\\)\\]$/\\1/p' |
            while read -r inode; do cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
                awk -v inode="$inode" '$10 == inode && $4 == "0A"'; done
            """)
        #expect(listening.isEmpty)
        try await cluster.stop()
    }

    @Test("the server holds none of this process's files open")
    func inheritedFiles() async throws {
        let folder = try TestFolder.forClusters()
        let file = folder.appendingPathComponent("held").path
        // Without O_CLOEXEC, as a library may open it.
        let descriptor = open(file, O_CREAT | O_RDWR, 0o600)
        defer { close(descriptor) }
        try #require(descriptor >= 0)
        let cluster = PrivateCluster.forTests(in: folder)
        try await cluster.start()
        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        let open = try shell("for link in /proc/\(process)/fd/*; do readlink \"$link\"; done")
        #expect(open.contains("server.log"))
        #expect(!open.contains(file))
        try await cluster.stop()
    }

    @Test("as root the server runs as another user and its files are closed to everybody else")
    func permissions() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        try await cluster.start()
        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        let owner = try shell("stat -c %u /proc/\(process)").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(owner != "0")
        for folder in ["data", "log", "socket"] {
            let path = cluster.location.appendingPathComponent(folder).path
            #expect(try shell("stat -c '%a %u' '\(path)'") == "700 \(owner)\n")
        }
        try await cluster.stop()
    }

    @Test("the worker may neither make tables nor become a superuser")
    func workerRole() async throws {
        let database = try await TestDatabase.create()
        let worker = try await database.connect(user: PrivateCluster.workerRole)
        let forbidden: [SQL] = [
            "CREATE TABLE public.t (n int)", "CREATE TEMPORARY TABLE t (n int)", "CREATE SCHEMA s",
            "CREATE ROLE other SUPERUSER", "ALTER ROLE longview_worker SUPERUSER", "SET ROLE longview_owner",
            "CREATE DATABASE other", "SELECT pg_read_file('postgresql.conf')",
        ]
        for statement in forbidden {
            let error = await #expect(throws: PostgresError.self) { try await worker.execute(statement) }
            #expect(error?.code == .permissionDenied)
        }
        let isSuperuser: String = try await worker.query("SELECT current_setting('is_superuser') AS s")[0]["s"]
        #expect(isSuperuser == "off")
    }

    @Test("several that start it at once end up with one server")
    func race() async throws {
        let folder = try TestFolder.forClusters()
        let processes = try await withThrowingTaskGroup(of: Int32.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let cluster = PrivateCluster.forTests(in: folder)
                    let connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
                    await connection.close()
                    guard case .running(let process) = cluster.status() else { return -1 }
                    return process
                }
            }
            return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
        }
        #expect(processes.count == 1 && !processes.contains(-1))
        try await PrivateCluster.forTests(in: folder).stop()
    }

    @Test(
        "folders with long and odd names serve",
        arguments: [String(repeating: "long-", count: 30), "a $(touch x) 'quoted' \"name\", ü; `id`"])
    func oddFolder(name: String) async throws {
        let parent = try TestFolder.forClusters()
        let cluster = PrivateCluster.forTests(in: parent.appendingPathComponent(name, isDirectory: true))
        let connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
        // The URL leads there too, as psql reads it.
        let configuration = try PostgresConfiguration(url: cluster.url(user: PrivateCluster.workerRole))
        let worker = try await PostgresConnection.connect(configuration, logger: TestLog.silent)
        #expect(try await worker.query("SELECT current_user::text AS u")[0]["u"] == PrivateCluster.workerRole)
        try await cluster.stop()
    }

    @Test("a server that was killed leaves nothing that keeps it from starting, and no commit is lost")
    func killed() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        let connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        // Committed to the log before the answer, as in a real cluster.
        try await connection.execute("SET synchronous_commit = on")
        try await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        guard case .running(let process) = cluster.status() else {
            Issue.record("not running")
            return
        }
        kill(process, SIGKILL)
        while cluster.status() != .stopped { try await Task.sleep(for: .milliseconds(10)) }
        let again = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        #expect(try await again.query("SELECT n FROM kept")[0]["n"] == 7)
        try await cluster.stop()
    }

    @Test("a data folder of another version is refused with both versions named")
    func otherVersion() async throws {
        let cluster = PrivateCluster.forTests(in: try TestFolder.forClusters())
        try await cluster.start()
        try await cluster.stop()
        let file = cluster.location.appendingPathComponent("data/PG_VERSION")
        try Data("12\n".utf8).write(to: file)
        let error = await #expect(throws: PrivateClusterError.self) { try await cluster.start() }
        #expect(error?.code == .versionMismatch)
        #expect(error?.message.contains("PostgreSQL 12") == true)
    }

    @Test("a server that can't start says why, in the words of its log")
    func brokenSetting() async throws {
        let folder = try TestFolder.forClusters()
        let cluster = PrivateCluster.forTests(in: folder)
        try await cluster.start()
        try await cluster.stop()
        let broken = PrivateCluster(
            directory: folder.appendingPathComponent("postgres", isDirectory: true),
            settings: ["shared_buffers": "no number"])
        let error = await #expect(throws: PrivateClusterError.self) { try await broken.start() }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("shared_buffers") == true)
        // And with the setting mended it starts.
        try await cluster.start()
        try await cluster.stop()
    }

    @Test("a creation that was interrupted is begun anew")
    func interruptedCreation() async throws {
        let folder = try TestFolder.forClusters()
        let staging = folder.appendingPathComponent("postgres/data.creating")
        try FileManager.default.createDirectory(
            at: staging.appendingPathComponent("base"), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        let cluster = PrivateCluster.forTests(in: folder)
        try await cluster.start()
        #expect(!FileManager.default.fileExists(atPath: staging.path))
        try await cluster.stop()
    }

    @Test(
        "below a folder that is root's alone, the cluster lies elsewhere and is found again",
        .enabled(if: getuid() == 0))
    func closedFolder() async throws {
        let parent = try TestFolder.forClusters()
        let home = parent.appendingPathComponent("home", isDirectory: true)
        try FileManager.default.createDirectory(
            at: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let cluster = PrivateCluster.forTests(in: home)
        let connection = try await PostgresConnection.connect(cluster.start(), logger: TestLog.silent)
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
        #expect(cluster.location.path.hasPrefix("/var/lib/longview/"))
        guard case .running = PrivateCluster.forTests(in: home).status() else {
            Issue.record("not found again")
            return
        }
        try await cluster.stop()
        try FileManager.default.removeItem(at: cluster.location)
        // A second start makes it again where the link points.
        try await cluster.start()
        try await cluster.stop(.immediate)
        try FileManager.default.removeItem(at: cluster.location)
        rmdir("/var/lib/longview")
    }

    @Test("a folder for the socket that somebody else made is not trusted", .enabled(if: getuid() == 0))
    func squattedSocket() async throws {
        let folder = try TestFolder.forClusters()
        let cluster = PrivateCluster.forTests(in: folder)
        let socket = folder.appendingPathComponent("postgres/socket")
        try FileManager.default.createDirectory(
            at: socket, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        let error = await #expect(throws: PrivateClusterError.self) { try await cluster.start() }
        #expect(error?.code == .unusableFolder)
    }
}
