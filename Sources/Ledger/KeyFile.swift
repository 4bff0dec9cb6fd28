import Glibc

/// A file with a private key, in the text of golang.org/x/mod/sumdb/note.
public struct KeyFile: Sendable {
    /// Where it is.
    public let path: String

    /// The file at a path.
    public init(path: String) {
        self.path = path
    }

    /// Makes the file, readable by its owner alone, and returns when it is on disk.
    /// - Throws: ``LedgerError`` (`fileSystem`), also where there is such a file: a key is never replaced.
    public func create(_ signer: NoteSigner) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? LedgerError(.fileSystem, "\(path) exists; a key is never replaced, so name another file")
                : BundleFileError.last("created", path)
        }
        let text = Array((signer.privateKeyText + "\n").utf8)
        let isWritten =
            text.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == text.count
            && fsync(descriptor) == 0
        let error = BundleFileError.last("written", path)
        close(descriptor)
        guard isWritten else {
            // Half a key is none, and would be in the way of the next attempt.
            unlink(path)
            throw error
        }
        try DurableFile.synchroniseFolder(of: path)
    }

    /// The key.
    /// - Throws: ``LedgerError`` (`fileSystem`, also for a file that others can read; `malformedKey`).
    public func load() throws -> NoteSigner {
        var status = stat()
        guard stat(path, &status) == 0 else { throw BundleFileError.last("opened", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw LedgerError(
                .fileSystem, "\(path) can be read by others than its owner; run chmod 600 on it, or make another key")
        }
        guard let bytes = try BundleFileReader.contents(path, limit: 4096) else {
            throw LedgerError(.fileSystem, "\(path) is not there or not a file; `longview audit keygen` makes one")
        }
        let line = bytes.last == 0x0A ? bytes.dropLast() : bytes[...]
        return try NoteSigner(privateKey: String(decoding: line, as: UTF8.self))
    }
}
