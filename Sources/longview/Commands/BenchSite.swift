import Dispatch
import Foundation
import Glibc
import Inference
import Scoring
import Store
import Synchronization

/// An installation made for a measurement and removed after it: a data folder, a private database with its usual
/// settings, one active model, and `longview serve` as a process of its own that listens on a port of its own.
final class BenchSite: Sendable {
    let folder: URL
    let settings: Settings
    private let server = Mutex<Process?>(nil)
    /// Begun once, whoever asks first.
    private let removal = Mutex<Task<Void, Never>?>(nil)
    private let isInterrupted = Atomic<Bool>(false)

    /// What runs in it when it is ready.
    struct Running: Sendable {
        let site: BenchSite
        let store: Store
        /// The same model as the server's, in this process.
        let model: ScoringModel
        let port: UInt16
        let serverProcess, databaseProcess: Int32
    }

    private init() {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "longview-bench-\(UUID().uuidString)", isDirectory: true)
        // How to compute and how to confine is the caller's to say; where and for whom is not.
        let kept = ["LONGVIEW_KERNELS", "LONGVIEW_THREADS", "LONGVIEW_DECODER", "LONGVIEW_REQUIRE_CONFINEMENT"]
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            kept.contains(name)
                || !(name.hasPrefix("LONGVIEW_") || name.hasPrefix("PG") || name == "DATABASE_URL"
                    || name == "LOG_LEVEL")
        }
        environment["LONGVIEW_HOME"] = folder.appendingPathComponent("home").path
        settings = Settings(environment: environment)
    }

    /// Runs `body` in an installation that scores with the package that `package` makes or finds, and removes the
    /// installation, also where something fails or this process is told to stop.
    static func with(
        threads: Int?, package: @Sendable (_ folder: URL, ExecutionOptions) throws -> URL,
        _ body: (Running) async throws -> Void
    ) async throws {
        let site = BenchSite()
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue(label: "longview.bench"))
            source.setEventHandler {
                site.isInterrupted.store(true, ordering: .relaxed)
                Task {
                    await site.remove()
                    _exit(128 + number)
                }
            }
            source.resume()
            return source
        }
        defer { for source in signals { source.cancel() } }
        do {
            try await body(try await site.start(threads: threads, package: package))
        } catch {
            await site.removeUnlessInterrupted()
            throw error
        }
        await site.removeUnlessInterrupted()
    }

    /// Where this process is told to stop, whatever ends now ends of the removal, and the handler ends the process.
    private func removeUnlessInterrupted() async {
        await remove()
        while isInterrupted.load(ordering: .relaxed) { try? await Task.sleep(for: .seconds(1)) }
    }

    private func start(
        threads: Int?, package: @Sendable (URL, ExecutionOptions) throws -> URL
    ) async throws -> Running {
        // The database server may run as another user, who must be able to pass.
        try FileManager.default.createDirectory(
            at: settings.home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let options = try settings.execution(threads: threads)
        let model = try await ScoringModel.load(try package(folder, options), options: options)
        let store = try await settings.openStore(connections: 2)
        try settings.library.install(model.package)
        let registered = try RegisteredModel(model.package)
        _ = try await store.register(registered)
        _ = try await store.setState(.active, of: registered, reason: nil)
        let (process, port) = try await startServer(threads: model.network.engine.threads)
        guard case .running(let database) = settings.cluster.status() else {
            throw Failure("the database of the measurement is gone: \(settings.cluster.logFile.path)")
        }
        return Running(
            site: self, store: store, model: model, port: port, serverProcess: process, databaseProcess: database)
    }

    // MARK: The server

    /// The title that the server is called by, and the one it is called as.
    static let calledTitle = "LONGVIEW", callingTitle = "BENCH"

    private var logFile: URL { folder.appendingPathComponent("serve.log") }

    private func startServer(threads: Int) async throws -> (process: Int32, port: UInt16) {
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.arguments = [
            "serve", "--port", "0", "--aet", Self.calledTitle, "--caller", "\(Self.callingTitle)@127.0.0.1",
            "--http", "off", "--threads", "\(threads)",
        ]
        process.environment = settings.environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        guard FileManager.default.createFile(atPath: logFile.path, contents: nil) else {
            throw Failure("\(logFile.path) can't be written")
        }
        process.standardError = try FileHandle(forWritingTo: logFile)
        try process.run()
        server.withLock { $0 = process }
        let marker = "\(Self.calledTitle) listens on port "
        let limit = ContinuousClock.now + .seconds(120)
        while true {
            let log = log
            // The model is loaded before anything is measured.
            if log.contains("scoring with "), let start = log.firstRange(of: marker)?.upperBound,
                let port = UInt16(log[start...].prefix { $0.isNumber })
            {
                return (process.processIdentifier, port)
            }
            try checkServer()
            guard ContinuousClock.now < limit else { throw Failure("longview serve is not ready after 2 min: \(log)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// What the server said.
    private var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }

    /// The server's last words, for errors.
    var lastWords: String { log.split(separator: "\n").suffix(3).joined(separator: " / ") }

    /// Throws where the server has ended.
    func checkServer() throws {
        if server.withLock({ $0?.isRunning }) != true { throw Failure("longview serve has ended: \(lastWords)") }
    }

    // MARK: Removal

    private func remove() async {
        let task = removal.withLock { removal in
            let task = removal ?? Task { await self.removeOnce() }
            removal = task
            return task
        }
        await task.value
    }

    private func removeOnce() async {
        if let process = server.withLock({ $0 }) {
            process.terminate()
            let limit = ContinuousClock.now + .seconds(30)
            while process.isRunning, ContinuousClock.now < limit { try? await Task.sleep(for: .milliseconds(20)) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        let cluster = settings.cluster
        try? await cluster.stop(.immediate)
        // Interrupted, this process may still be writing radiographs.
        for place in [cluster.location, folder] {
            while FileManager.default.fileExists(atPath: place.path) {
                do {
                    try FileManager.default.removeItem(at: place)
                } catch {
                    guard isInterrupted.load(ordering: .relaxed) else { break }
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
        }
    }
}
