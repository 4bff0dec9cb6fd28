import Foundation
import Glibc

/// Reading and syncing files by descriptor.
enum FileBytes {
    /// Opens a file for `body`, which is given its descriptor and length. Blocks.
    static func withFile<Value>(_ file: URL, _ body: (Int32, Int) throws -> Value) throws -> Value {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        let parent = file.deletingLastPathComponent()
        guard descriptor >= 0 else { throw ObjectFolderError("\(file.lastPathComponent) can't be opened", in: parent) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size <= ObjectFolder.largestObject else {
            throw ObjectFolderError(
                "\(file.lastPathComponent) is too large to be an object", in: parent, code: .unusable)
        }
        return try body(descriptor, Int(status.st_size))
    }

    /// Fills `buffer` with the next bytes of `file`, open as `descriptor`; false where it ends before. Blocks.
    static func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, of file: URL) throws -> Bool {
        var count = 0
        while count < buffer.count {
            let got = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
            if got < 0 && errno == EINTR { continue }
            if got < 0 {
                throw ObjectFolderError(
                    "\(file.lastPathComponent) can't be read", in: file.deletingLastPathComponent())
            }
            if got == 0 { return false }
            count += got
        }
        return true
    }

    /// Asks the file system to keep a file or a folder's entries through a power cut. Blocks.
    static func synchronise(_ location: URL) throws {
        let descriptor = open(location.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ObjectFolderError("it can't be synced", in: location) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw ObjectFolderError("it can't be synced", in: location) }
    }
}
