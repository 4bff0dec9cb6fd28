public import Foundation
public import Ledger

/// The newest signed checkpoint, kept outside the database: what a restored backup or a rewritten history can't take back.
///
/// A file of its own folder, on another disk or host where that can be had. Written whole, synced and renamed into
/// place, so that after a crash it holds the old note or the new one.
public struct CheckpointFile: Sendable {
    /// The file.
    public let url: URL

    /// The checkpoint kept at `url`, which need not exist yet.
    public init(_ url: URL) {
        self.url = url
    }

    /// The signed note; nil where none was kept yet.
    /// - Throws: where there is a file that can't be read, or is no signed note. That is never taken for “none yet”.
    public func read() throws -> SignedNote? {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return nil
        }
        do {
            return try SignedNote(parsing: Array(data))
        } catch {
            throw StoreError(
                .checkpointFile,
                "\(url.path) is not a signed checkpoint (\(error)); put back the copy that was kept, and find out who changed it"
            )
        }
    }

    /// Keeps a note in place of the one before.
    public func write(_ note: SignedNote) throws {
        let folder = url.deletingLastPathComponent()
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let temporary = folder.appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString)")
        let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("can't be written") }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(note.bytes))
            guard fsync(descriptor) == 0, rename(temporary.path, url.path) == 0 else {
                throw failure("can't be written")
            }
        } catch {
            unlink(temporary.path)
            throw error
        }
        let directory = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("can't be made to last") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw failure("can't be made to last") }
    }

    private func failure(_ what: String) -> StoreError {
        StoreError(.checkpointFile, "\(url.path) \(what): \(String(cString: strerror(errno)))")
    }
}
