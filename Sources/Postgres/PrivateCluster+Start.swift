import Foundation

extension PrivateCluster {
    /// Seconds a start may take, recovery after a crash included, and a stop.
    private static let timeLimit = 60
    /// The log is set aside at a start when it is longer than this many bytes.
    private static let longestLog = 10 << 20
    /// The time a killed server and its children are given to be gone.
    private static let orphanLimit = Duration.seconds(10)

    func startBlocking() throws {
        if serverProcess(layout)?.isReady == true { return }
        let layout = try prepareRoot()
        let lock = try FileLock(layout.lockFile)
        defer { withExtendedLifetime(lock) {} }
        if serverProcess(layout)?.isReady == true { return }

        let account = try ServerAccount.server(data: layout.data)
        let programs = try ServerPrograms.find(major: try Self.major(ofData: layout.data))
        try prepareFolders(layout, account)
        try writeConfiguration(layout, account)
        if FileStatus(layout.data) == nil { try create(layout, account, programs) }
        try Self.setAsideLongLog(layout)
        try startServer(layout, account, programs)
    }

    func stopBlocking(_ mode: StopMode) throws {
        let layout = layout
        guard status() != .absent else { return }
        let lock = try FileLock(layout.lockFile)
        defer { withExtendedLifetime(lock) {} }
        guard serverProcess(layout) != nil else { return }
        let account = try ServerAccount.server(data: layout.data)
        let programs = try ServerPrograms.find(major: try Self.major(ofData: layout.data))
        let run = try control(
            ["stop", "-w", "-t", "\(Self.timeLimit)", "-m", mode.rawValue], layout, account, programs)
        // Where it ended by itself meanwhile, pg_ctl complains and there is nothing left to do.
        guard run.status == 0 || serverProcess(layout) == nil else {
            throw PrivateClusterError(
                .stopFailed, "the database server in \(layout.root) did not stop: \(run.output.singleLine)")
        }
        // Left where it is part of the cluster's folder; one outside is made again at the next start.
        let sockets = layout.socketDirectory(account)
        if !sockets.hasPrefix(layout.root) { rmdir(sockets) }
    }

    private func startServer(_ layout: ClusterLayout, _ account: ServerAccount, _ programs: ServerPrograms) throws {
        let deadline = ContinuousClock.now + Self.orphanLimit
        while true {
            let logged = Self.size(of: layout.logFile)
            // The log is named relative to the working folder: pg_ctl puts its name into a shell's command line.
            let run = try control(
                ["start", "-w", "-t", "\(Self.timeLimit)", "-l", "log/server.log"], layout, account, programs)
            if run.status == 0 { return }
            let tail = Self.tail(of: layout.logFile, from: logged)
            // A server that was killed takes a moment to be gone, and so do its children, who hold on to its memory.
            let isLeaving =
                tail.contains("pre-existing shared memory block") || tail.contains("\"postmaster.pid\" already exists")
            guard isLeaving, ContinuousClock.now < deadline else {
                throw PrivateClusterError(
                    .startFailed,
                    "the database server in \(layout.root) did not start: "
                        + (tail.isEmpty ? run.output.singleLine : "its log \(layout.logFile) ends with:\n\(tail)"))
            }
            usleep(200_000)
        }
    }

    /// Runs pg_ctl. The data folder is named in the environment, which keeps it out of a shell's command line.
    private func control(
        _ arguments: [String], _ layout: ClusterLayout, _ account: ServerAccount, _ programs: ServerPrograms
    ) throws -> ServerProcess.Outcome {
        try ServerProcess.run(
            "\(programs.directory)/pg_ctl", arguments, as: account, in: layout.root,
            environment: ["PGDATA": layout.data])
    }

    /// The major version that made a data folder; nil where there is none.
    private static func major(ofData data: String) throws -> Int? {
        guard FileStatus(data) != nil else { return nil }
        guard let text = try? String(contentsOfFile: "\(data)/PG_VERSION", encoding: .utf8),
            let major = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else {
            throw PrivateClusterError(
                .unusableFolder, "\(data) is not a PostgreSQL data folder; move it away or restore it from a backup")
        }
        return major
    }

    private static func setAsideLongLog(_ layout: ClusterLayout) throws {
        guard size(of: layout.logFile) > longestLog else { return }
        rename(layout.logFile, layout.logFile + ".1")
    }

    private static func size(of file: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }

    /// The last ten lines that were added to a file after the byte `start`.
    private static func tail(of file: String, from start: Int) -> String {
        guard let bytes = FileManager.default.contents(atPath: file) else { return "" }
        return String(decoding: bytes.dropFirst(start), as: UTF8.self).split(separator: "\n").suffix(10)
            .joined(separator: "\n")
    }
}
