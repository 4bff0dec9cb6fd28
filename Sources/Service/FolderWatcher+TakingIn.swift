import Decoding
import Foundation
import Glibc
import Postgres
import Scoring
import Store

extension FolderWatcher {
    /// Takes in the file that `descriptor` reads, however long the gate is closed or the database away.
    func take(_ file: URL, _ descriptor: Int32, _ identity: Identity) async {
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
                guard let bytes, Self.identity(of: descriptor) == identity else { return }
                try await handIn(bytes)
                outage.isOver()
                return await finish(file, identity)
            } catch let error as UnreadableFile {
                return await reject(file, identity, error.description)
            } catch let error as PostgresError where [.dataException, .checkViolation].contains(error.code) {
                return await reject(file, identity, "the database does not take what it says of itself: \(error)")
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
            identity = try await decoders.identity(of: ObjectSource(bytes))
        } catch is UnreadableObject {
            identity = nil
        } catch let error as DecoderError where !error.isOfThisMachine {
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
    func reject(_ file: URL, _ identity: Identity?, _ reason: String) async {
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
        // Another file has taken its place meanwhile: it has its own turn.
        guard self.identity(ofPath: file.path) == identity else { return }
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
                \(name(identity)) can't be moved to \(folder.path) and stays: see that this user may write to both \
                folders
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
