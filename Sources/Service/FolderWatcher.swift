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

    private let settings: Settings
    private let desk: IntakeDesk
    private let gate: IntakeGate
    private let store: Store
    private let decoders: DecoderPool
    private let logger: Logger
    private let queue = ComputeQueue("watch", concurrent: false)
    /// What was seen at the last look, and has to be the same at the next.
    private var seen: [String: Identity] = [:]
    /// What stays where it is and was dealt with.
    private var settled: [String: Identity] = [:]
    /// Files under way: an event and the sweep may come upon the same one.
    private var busy: Set<String> = []
    private var isClosed = false
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
        let isStable = seen[path] == identity
        seen[path] = identity
        guard wasClosed || isStable, !Self.isBeingWritten(descriptor) else { return }
        seen[path] = nil
        await take(file, descriptor, identity)
    }

    private static func identity(of descriptor: Int32) -> Identity? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Identity(status)
    }

    private func identity(ofPath path: String) -> Identity? {
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

    // MARK: Taking in

    private func take(_ file: URL, _ descriptor: Int32, _ identity: Identity) async {
        guard identity.size > 0 else { return await reject(file, identity, "it is empty") }
        guard identity.size <= ObjectFolder.largestObject else {
            return await reject(file, identity, "it is larger than 2 GiB; no radiograph is")
        }
        var outage = Outage(logger, "files of \(settings.folder.path) can't be taken in")
        while !isClosed {
            if case .closed(let reason) = await gate.answer() {
                await wait(outage.pause(after: GateClosed(description: reason)))
                continue
            }
            do {
                let bytes = try await queue.run { [limit = Int(identity.size)] in try Self.read(descriptor, limit) }
                // Written to while it was read: it is looked at again when it has come to rest.
                guard let bytes, Self.identity(of: descriptor) == identity else {
                    seen[file.path] = Self.identity(of: descriptor)
                    return
                }
                try await handIn(bytes)
                outage.isOver()
                return await finish(file, identity)
            } catch let error as UnreadableFile {
                return await reject(file, identity, error.description)
            } catch {
                await wait(outage.pause(after: error))
            }
        }
    }

    private func handIn(_ bytes: [UInt8]) async throws {
        // Left where it is and found again after a restart: nothing came in.
        if settings.done == nil {
            let sha256 = try await queue.run { ObjectRecord(bytes: bytes).sha256 }
            if try await store.wasTakenIn(sha256) { return }
        }
        // What can't be read gets its refusal from the worker; here it has no identity, no more.
        let identity: DICOMIdentity?
        do {
            identity = try await decoders.identity(of: bytes)
        } catch is UnreadableObject {
            identity = nil
        }
        let object = try await desk.newObject()
        do {
            try await desk.write(bytes, to: object)
        } catch {
            object.discard()
            throw error
        }
        let receipt = try await desk.accept(
            object, from: IntakeSource(.folder, host: settings.host), priority: settings.priority
        ) { record in
            if let identity { record.describe(as: identity) }
        }
        logger.info("took in \(receipt.sha256): \(receipt.outcome.rawValue)")
        if receipt.outcome == .conflicting {
            logger.warning(
                """
                \(receipt.sha256) has the SOP Instance UID of other bytes; it is kept and not scored: \
                longview queue retry \(receipt.sha256) has it scored
                """)
        }
    }

    private func finish(_ file: URL, _ identity: Identity) async {
        guard let done = settings.done else {
            settled[file.path] = identity
            return
        }
        await move(file, identity, to: done)
    }

    /// What can't be taken in: moved aside, or reported once.
    private func reject(_ file: URL, _ identity: Identity?, _ reason: String) async {
        guard let identity, settled[file.path] != identity else { return }
        logger.error("\(name(identity)) is not taken in: \(reason)")
        guard let failed = settings.failed else {
            settled[file.path] = identity
            return
        }
        await move(file, identity, to: failed)
    }

    /// Moves a file without replacing another of its name; where that can't be done it stays and is not taken again.
    private func move(_ file: URL, _ identity: Identity, to folder: URL) async {
        settled[file.path] = identity
        do {
            try await queue.run {
                let manager = FileManager.default
                try manager.createDirectory(at: folder, withIntermediateDirectories: true)
                do {
                    try manager.moveItem(at: file, to: folder.appendingPathComponent(file.lastPathComponent))
                } catch CocoaError.fileWriteFileExists {
                    let name = "\(UUID().uuidString)-\(file.lastPathComponent)"
                    try manager.moveItem(at: file, to: folder.appendingPathComponent(name))
                }
            }
            settled[file.path] = nil
        } catch {
            logger.error(
                """
                \(name(identity)) can't be moved to \(folder.path) and stays: see that this user may write to both folders
                """)
        }
    }

    /// How a file is named in the log: not by its name, which often is a patient's.
    private func name(_ identity: Identity) -> String {
        "a file of \(settings.folder.path) (find it there with find -inum \(identity.inode))"
    }

    /// Waits, but not longer than the watcher is to live.
    private func wait(_ duration: Duration) async {
        let end = ContinuousClock.now + duration
        while !isClosed, !Task.isCancelled, .now < end {
            try? await Task.sleep(for: min(.milliseconds(200), end - .now))
        }
    }

    /// `count` bytes from the beginning; nil where there are not so many any more.
    private static func read(_ descriptor: Int32, _ count: Int) throws -> [UInt8]? {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, filled)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        guard failure == 0 else {
            throw UnreadableFile(description: "it can't be read: \(String(cString: strerror(failure)))")
        }
        return bytes.count == count ? bytes : nil
    }
}

private struct UnreadableFile: Error {
    var description: String
}

private struct GateClosed: Error, CustomStringConvertible {
    var description: String
}

extension FolderWatcher.Identity {
    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}
