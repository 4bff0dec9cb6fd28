import Glibc

/// Files that a power cut leaves whole: as they were, or as they were to be.
public enum DurableFile {
    /// Replaces the file at `path`, or makes it: a reader, and the next start, sees the old bytes or the new ones, never
    /// a part. On disk when it returns.
    /// - Parameters:
    ///   - draft: where the bytes are written first, in the same folder; what is there is overwritten.
    ///   - mode: who may read it.
    /// - Throws: ``LedgerError`` (`fileSystem`).
    public static func replace(_ path: String, with bytes: [UInt8], draft: String, mode: UInt32) throws {
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw BundleFileError.last("created", draft) }
        defer { close(descriptor) }
        guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count,
            fsync(descriptor) == 0
        else { throw failed("written", draft, removing: draft) }
        guard rename(draft, path) == 0 else { throw failed("replaced", path, removing: draft) }
        try synchroniseFolder(of: path)
    }

    private static func failed(_ what: String, _ path: String, removing draft: String) -> LedgerError {
        let error = BundleFileError.last(what, path)
        unlink(draft)
        return error
    }

    /// Waits until the name of a file is on disk.
    /// - Throws: ``LedgerError`` (`fileSystem`).
    static func synchroniseFolder(of path: String) throws {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = open(slash.map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        guard folder >= 0, fsync(folder) == 0 else { throw BundleFileError.last("written to disk", path) }
    }
}
