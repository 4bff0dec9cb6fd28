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
        // Of its own name: two publishers may be at it.
        let draft = folder.appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString)")
        do {
            try DurableFile.replace(url.path, with: note.bytes, draft: draft.path, mode: 0o644)
        } catch let error as LedgerError {
            throw StoreError(.checkpointFile, error.message)
        }
    }
}
