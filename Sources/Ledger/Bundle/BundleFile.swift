import Crypto
import Glibc

/// A file of a bundle: where it is below the folder, how long it is, what its bytes hash to.
public struct BundleFile: Sendable, Equatable {
    /// Relative to the bundle's folder, parts between slashes.
    public var path: String
    /// The number of bytes.
    public var byteCount: Int
    /// SHA-256 of the bytes.
    public var sha256: MerkleHash
}

/// An error of the file system, with the path it is about.
struct BundleFileError {
    /// The error of the call that has just failed.
    static func last(_ what: String, _ path: String) -> LedgerError {
        LedgerError(.fileSystem, "\(path) can't be \(what): \(String(cString: strerror(errno)))")
    }
}

/// Writes a new file and hashes what it writes; nothing of it is kept in memory but a buffer.
final class BundleFileWriter {
    private let descriptor: Int32
    private let fullPath: String
    private let path: String
    private var buffer: [UInt8] = []
    private var hasher = SHA256()
    private var byteCount = 0

    private static let bufferBytes = 1 << 16

    /// A new file at `path` below `folder`, whose own folders are made as needed. Readable by its owner alone: openings
    /// are personal data.
    /// - Throws: ``LedgerError`` (`fileSystem`), also where there is such a file.
    init(folder: String, path: String) throws {
        self.path = path
        fullPath = folder + "/" + path
        var descriptor = open(fullPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0, errno == ENOENT {
            try Self.makeFolders(of: path, below: folder)
            descriptor = open(fullPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        guard descriptor >= 0 else { throw BundleFileError.last("created", fullPath) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func makeFolders(of path: String, below folder: String) throws {
        var current = folder
        for part in path.split(separator: "/").dropLast() {
            current += "/" + part
            guard mkdir(current, 0o700) == 0 || errno == EEXIST else { throw BundleFileError.last("created", current) }
        }
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws {
        bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        byteCount += bytes.count
        buffer += bytes
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    private func flush() throws {
        var start = 0
        while start < buffer.count {
            let count = buffer.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + start, $0.count - start) }
            if count < 0 {
                if errno == EINTR { continue }
                throw BundleFileError.last("written", fullPath)
            }
            start += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes what is left, waits until it is on disk, and says what the file is.
    func finish() throws -> BundleFile {
        try flush()
        guard fsync(descriptor) == 0 else { throw BundleFileError.last("written to disk", fullPath) }
        return BundleFile(path: path, byteCount: byteCount, sha256: MerkleHash(hasher.finalize()))
    }
}

/// Reads a file from its start to its end, in pieces.
final class BundleFileReader {
    private let descriptor: Int32
    private let fullPath: String
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// The regular file at `fullPath`; nil where there is none. Symbolic links are not followed.
    /// - Throws: ``LedgerError`` (`fileSystem`).
    init?(_ fullPath: String) throws {
        self.fullPath = fullPath
        descriptor = open(fullPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { return nil }
            throw BundleFileError.last("opened", fullPath)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next bytes, none at the end.
    func next() throws -> ArraySlice<UInt8> {
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return buffer[..<count] }
            if errno != EINTR { throw BundleFileError.last("read", fullPath) }
        }
    }

    /// The length and SHA-256 of all that follows.
    func digest() throws -> (byteCount: Int, sha256: MerkleHash) {
        var hasher = SHA256()
        var byteCount = 0
        while case let piece = try next(), !piece.isEmpty {
            piece.withUnsafeBytes { hasher.update(bufferPointer: $0) }
            byteCount += piece.count
        }
        return (byteCount, MerkleHash(hasher.finalize()))
    }

    /// `count` bytes from `offset`; fewer at the end of the file.
    func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, total in
            while total < count {
                let read = pread(descriptor, buffer.baseAddress! + total, count - total, off_t(offset + total))
                if read < 0, errno == EINTR { continue }
                guard read >= 0 else { throw BundleFileError.last("read", fullPath) }
                if read == 0 { return }
                total += read
            }
        }
    }

    /// The whole of a file of at most `limit` bytes; nil where there is none.
    /// - Throws: ``LedgerError`` (`fileSystem`), also for a longer one.
    static func contents(_ fullPath: String, limit: Int) throws -> [UInt8]? {
        guard let reader = try BundleFileReader(fullPath) else { return nil }
        var bytes: [UInt8] = []
        while case let piece = try reader.next(), !piece.isEmpty {
            bytes += piece
            guard bytes.count <= limit else {
                throw LedgerError(.fileSystem, "\(fullPath) has more than \(limit) bytes")
            }
        }
        return bytes
    }
}
