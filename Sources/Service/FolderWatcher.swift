public import Decoding
public import Foundation
import Glibc
public import Logging
import Scoring
public import ServiceLifecycle
public import Store

/// Takes in the files that are put into a folder, as the receiver takes in what is sent.
///
/// A file is taken when it is complete: closed by who wrote it, or moved in; where no such event came, when it has not
/// changed between two looks. A file that somebody has open for writing waits, as far as the kernel tells. Links, pipes
/// and devices are not followed, hidden files and folders left out.
public actor FolderWatcher: ServiceLifecycle.Service {
    /// What is watched, and what becomes of files.
    public struct Settings: Sendable {
        /// The folder, with those in it.
        public var folder: URL
        /// Where files go that were taken in; nil leaves them where they are, and they are known by their bytes.
        public var done: URL?
        /// Where files go that can't be taken in; nil leaves and reports them.
        public var failed: URL?
        /// How urgent what comes this way is.
        public var priority = JobPriority.normal
        /// How often the folder is looked through, whatever events come.
        public var sweepInterval = Duration.seconds(10)
        /// The machine's name, recorded with each intake.
        public var host: String

        /// Files of `folder`, left where they are.
        public init(folder: URL, host: String) {
            self.folder = folder
            self.host = host
        }
    }

    /// What tells a file from what was at its path before.
    struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modified: Int64
    }

    let settings: Settings
    let desk: IntakeDesk
    let gate: IntakeGate
    let store: Store
    let decoders: DecoderPool
    let logger: Logger
    let queue = ComputeQueue("watch", concurrent: false)
    /// What was seen, and since when: it has to stay the same for half the time between two sweeps.
    var seen: [String: (identity: Identity, since: ContinuousClock.Instant)] = [:]
    /// What stays where it is and was dealt with.
    var settled: [String: Identity] = [:]
    /// Files under way: an event and the sweep may come upon the same one.
    private var busy: Set<String> = []
    var isClosed = false
    private let ticks = WorkSignal()

    /// A watcher that hands files in at `desk` while `gate` is open; `decoders` read what each says of itself.
    public init(
        _ settings: Settings, desk: IntakeDesk, gate: IntakeGate, store: Store, decoders: DecoderPool, logger: Logger
    ) {
        self.settings = settings
        self.desk = desk
        self.gate = gate
        self.store = store
        self.decoders = decoders
        self.logger = logger
    }

    /// Watches until the service group shuts down gracefully, or the task is cancelled; the file under way is finished.
    ///
    /// - Throws: where the folder can't be watched at all.
    public func run() async throws {
        // Somebody who opens a file while its lease is tried makes the kernel send this signal, which ends a process.
        signal(SIGIO, SIG_IGN)
        let events = try FolderEvents()
        await withTaskCancellationOrGracefulShutdownHandler {
            await watch(events)
        } onCancelOrGracefulShutdown: {
            events.stop()
            Task { await self.close() }
        }
    }

    private func close() {
        isClosed = true
        ticks.notify()
    }

    private func watch(_ events: FolderEvents) async {
        // Not cancelled with the task: what is being taken in is finished.
        let sweeps = Task {
            while !isClosed {
                let seen = ticks.generation
                await sweep(settings.folder, events)
                await ticks.wait(since: seen, upTo: settings.sweepInterval)
            }
        }
        await Task {
            for await event in events.events {
                switch event {
                case .file(let file): await takeWhenComplete(file, isClosed: true)
                case .folder(let folder): await sweep(folder, events)
                case .lost: ticks.notify()
                }
            }
        }.value
        close()
        await sweeps.value
    }

    // MARK: Looking

    /// Looks through `folder` and those in it: watches them, and takes files that have not changed since the last look.
    private func sweep(_ folder: URL, _ events: FolderEvents) async {
        guard isWatched(folder) else { return }
        events.watch(folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        if names.isEmpty, access(folder.path, R_OK | X_OK) != 0 {
            logger.warning("the watched folder \(folder.path) can't be read: \(String(cString: strerror(errno)))")
        }
        for name in names.sorted() where !isClosed && !name.hasPrefix(".") {
            let entry = folder.appendingPathComponent(name)
            var status = stat()
            guard lstat(entry.path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: await sweep(entry, events)
            case S_IFREG: await takeWhenComplete(entry, isClosed: false)
            default: continue
            }
        }
        if folder == settings.folder { forgetWhatIsGone() }
    }

    /// Not hidden, and not where files are put when they are done with.
    private func isWatched(_ folder: URL) -> Bool {
        let path = folder.standardizedFileURL.path
        return ![settings.done, settings.failed].contains { $0?.standardizedFileURL.path == path }
            && (folder == settings.folder || !folder.lastPathComponent.hasPrefix("."))
    }

    private func forgetWhatIsGone() {
        for path in Set(seen.keys).union(settled.keys) where access(path, F_OK) != 0 {
            seen[path] = nil
            settled[path] = nil
        }
    }

    private func takeWhenComplete(_ file: URL, isClosed wasClosed: Bool) async {
        guard !isClosed, !file.lastPathComponent.hasPrefix("."), isWatched(file.deletingLastPathComponent()) else {
            return
        }
        let path = file.path
        guard busy.insert(path).inserted else { return }
        defer { busy.remove(path) }
        // O_NONBLOCK: a pipe that took the file's place must not be waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == EACCES { await reject(file, identity(ofPath: path), "it may not be read by this user") }
            return
        }
        defer { Glibc.close(descriptor) }
        guard let identity = Self.identity(of: descriptor), settled[path] != identity else { return }
        if seen[path]?.identity != identity { seen[path] = (identity, .now) }
        let isStable = seen[path].map { .now - $0.since > settings.sweepInterval / 2 } ?? false
        guard wasClosed || isStable, !Self.isBeingWritten(descriptor) else { return }
        seen[path] = nil
        await take(file, descriptor, identity)
    }

    static func identity(of descriptor: Int32) -> Identity? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Identity(status)
    }

    func identity(ofPath path: String) -> Identity? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Identity(status)
    }

    /// Whether somebody has the file open for writing: then the kernel grants nobody a read lease on it (fcntl(2)). Where
    /// it grants none for other reasons (another owner, a file system without leases) this can't be told.
    private static func isBeingWritten(_ descriptor: Int32) -> Bool {
        let (setLease, readLease, unlock) = (Int32(1024), Int32(0), Int32(2))  // F_SETLEASE, F_RDLCK, F_UNLCK
        if fcntl(descriptor, setLease, readLease) == 0 {
            _ = fcntl(descriptor, setLease, unlock)
            return false
        }
        return errno == EAGAIN
    }
}

extension FolderWatcher.Identity {
    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}
