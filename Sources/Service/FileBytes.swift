import Foundation
import Glibc

/// Reading and syncing files by descriptor.
enum FileBytes {
    /// All bytes of a regular file of at most `limit` bytes. Blocks.
    static func read(_ file: URL, limit: Int) throws -> [UInt8] {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        let parent = file.deletingLastPathComponent()
        guard descriptor >= 0 else { throw ObjectFolderError("\(file.lastPathComponent) can't be opened", in: parent) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size <= limit else {
            throw ObjectFolderError(
                "\(file.lastPathComponent) is too large to be an object", in: parent, code: .unusable)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            while count < buffer.count {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                count += got
            }
        }
        guard failure == 0 else {
            throw ObjectFolderError("\(file.lastPathComponent) can't be read", in: parent, number: failure)
        }
        return bytes
    }

    /// Asks the file system to keep a file or a folder's entries through a power cut. Blocks.
    static func synchronise(_ location: URL) throws {
        let descriptor = open(location.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ObjectFolderError("it can't be synced", in: location) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw ObjectFolderError("it can't be synced", in: location) }
    }
}
