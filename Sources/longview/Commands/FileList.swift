import Foundation
import Glibc

/// The files that paths on the command line stand for.
enum FileList {
    /// Files as given, and those in folders, in order of their names; hidden ones left out. Also the paths that do not
    /// exist.
    static func files(in paths: [String]) -> (files: [String], missing: [String]) {
        var files: [String] = []
        var missing: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
                missing.append(path)
            } else if isFolder.boolValue {
                files += contents(of: path)
            } else {
                files.append(path)
            }
        }
        return (files, missing)
    }

    private static func contents(of folder: String) -> [String] {
        let root = URL(fileURLWithPath: folder, isDirectory: true)
        guard
            let found = FileManager.default.enumerator(
                at: root, includingPropertiesForKeys: [.isRegularFileKey], options: [.skipsHiddenFiles])
        else { return [] }
        return found.compactMap { entry in
            guard let file = entry as? URL,
                (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true
            else { return nil }
            return file.path
        }.sorted()
    }

    /// No radiograph comes near this; beyond it a file is not read at all.
    private static let largestFile = 2 << 30

    /// The bytes of the file at `path`.
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("it is not a regular file") }
        guard status.st_size <= largestFile else { throw Failure("it is larger than 2 GiB; no radiograph is") }
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
            errno = failure
            throw unreadable()
        }
        return bytes
    }

    private static func unreadable() -> Failure {
        Failure("it can't be read: \(String(cString: strerror(errno)))")
    }
}
