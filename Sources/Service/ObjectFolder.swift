import Crypto
public import Decoding
public import Foundation
import Glibc
import Imaging

/// The bytes of received objects, each in a file named by their SHA-256: `ab/cd/abcd….`
///
/// A file appears under its name whole and synced, or not at all; a name that is there is never written again. Several
/// processes may use one folder.
public struct ObjectFolder: Sendable {
    /// Where the files lie.
    public let folder: URL

    /// The folder at `folder`, which need not exist yet.
    public init(_ folder: URL) {
        self.folder = folder
    }

    /// Where files are written until their digest is known: in the same file system, so that they can be linked.
    var stagingFolder: URL { folder.appendingPathComponent("incoming", isDirectory: true) }

    /// Where an object's file lies, whether or not it is there. `sha256` must be a digest.
    public func location(of sha256: String) -> URL {
        precondition(Self.isDigest(sha256), "not a digest")
        let (first, second) = (sha256.prefix(2), sha256.dropFirst(2).prefix(2))
        return folder.appendingPathComponent("\(first)/\(second)/\(sha256)")
    }

    static func isDigest(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// Makes the folder where it is missing and removes what a crash left half written. Blocks.
    ///
    /// A file that another process is writing is left alone: it is locked as long as that process lives.
    public func prepare() throws {
        do {
            try FileManager.default.createDirectory(
                at: stagingFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for name in try FileManager.default.contentsOfDirectory(atPath: stagingFolder.path) {
                let path = stagingFolder.appendingPathComponent(name).path
                let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                guard descriptor >= 0 else { continue }
                defer { close(descriptor) }
                guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
                // Set aside to be removed when the crash came: whether it may go is looked at again some day.
                let parts = name.split(separator: "-")
                if parts.count > 1, parts[0] == Self.removedPrefix, Self.isDigest(parts[1]) {
                    try putBack(URL(fileURLWithPath: path), as: String(parts[1]))
                } else {
                    unlink(path)
                }
            }
        } catch {
            throw ObjectFolderError("the folder can't be made", in: folder, error)
        }
        _ = try identity()
    }

    private var identityFile: URL { folder.appendingPathComponent("folder-id") }

    /// What this folder is known by in the database, whatever host it is seen from: the UUID in its file `folder-id`,
    /// which is made where it is missing. Blocks.
    public func identity() throws -> UUID {
        let file = identityFile
        for _ in 0..<2 {
            if let text = try? String(contentsOf: file, encoding: .utf8) {
                guard let identity = UUID(uuidString: text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
                    throw ObjectFolderError(
                        "\(file.path) is no UUID; write there what `folder` in longview.intakes says of its objects",
                        in: folder, code: .unusable)
                }
                return identity
            }
            // Whole or not at all, and whoever is first.
            let made = folder.appendingPathComponent(".folder-id-\(UUID().uuidString)")
            try Data("\(UUID().uuidString.lowercased())\n".utf8).write(to: made)
            defer { unlink(made.path) }
            try FileBytes.synchronise(made)
            guard link(made.path, file.path) == 0 || errno == EEXIST else {
                throw ObjectFolderError("folder-id can't be made", in: folder)
            }
            try FileBytes.synchronise(folder)
        }
        throw ObjectFolderError("folder-id can't be read; check its rights", in: folder, code: .unusable)
    }

    /// A new object, to be written piece by piece. Blocks, as everything that it does.
    public func newObject() throws -> IncomingObject {
        try IncomingObject(in: self)
    }

    /// An object that lies here. Its bytes are checked against their digest each time that they are read. Blocks.
    ///
    /// - Throws: ``ObjectFolderError``, with the code `objectMissing` or, when it is read, `objectAltered` where that is the
    ///   matter.
    public func storedObject(_ sha256: String) throws -> StoredObject {
        let file = location(of: sha256)
        let (count, head) = try FileBytes.withFile(file) { descriptor, count in
            let head = [UInt8](unsafeUninitializedCapacity: min(count, StoredObject.headBytes)) { buffer, filled in
                filled = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
            }
            return (count, head)
        }
        let source = ObjectSource(count: count) { [folder] buffer in
            let found = try FileBytes.withFile(file) { descriptor, count in
                count == buffer.count ? try FileBytes.fill(buffer, from: descriptor, of: file) : false
            }
            guard found, SHA256.hash(data: UnsafeRawBufferPointer(buffer)).lowerCaseHex == sha256 else {
                throw ObjectFolderError(
                    "the object \(sha256) is not what was received: its bytes were altered on the disk", in: folder,
                    code: .objectAltered)
            }
        }
        return StoredObject(head: head, source: source)
    }

    /// No radiograph comes near this.
    public static let largestObject = 2 << 30

    /// Bytes that may still be written to this file system by this user. Blocks.
    public func freeBytes() throws -> Int {
        var status = statvfs()
        guard statvfs(folder.path, &status) == 0 else {
            throw ObjectFolderError("its file system can't be asked for free space", in: folder)
        }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }

    // MARK: Removing

    /// Whether the folder is to be looked through now, which is told to one of all who share it within `seconds`. Blocks.
    ///
    /// When that was last is the modification time of `folder-id`.
    func isToBeSwept(every seconds: Double, now: Date) throws -> Bool {
        let descriptor = open(identityFile.path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw ObjectFolderError("folder-id can't be opened", in: folder) }
        defer { close(descriptor) }
        var status = stat()
        guard flock(descriptor, LOCK_EX) == 0, fstat(descriptor, &status) == 0 else {
            throw ObjectFolderError("folder-id can't be locked", in: folder)
        }
        // In the future, it is of a clock that was set back.
        let age = now.timeIntervalSince1970 - Double(status.st_mtim.tv_sec)
        guard age < -1 || age >= seconds else { return false }
        let moment = timespec(tv_sec: Int(now.timeIntervalSince1970), tv_nsec: 0)
        guard futimens(descriptor, [moment, moment]) == 0 else {
            throw ObjectFolderError("folder-id can't be marked", in: folder)
        }
        return true
    }

    /// Digests of objects that have lain here since before `moment`, a few hundred at a time to `body`. Blocks.
    func forEachBatch(olderThan moment: Date, _ body: ([String]) throws -> Void) throws {
        var batch: [String] = []
        let manager = FileManager.default
        for first in (try? manager.contentsOfDirectory(atPath: folder.path)) ?? [] where first.utf8.count == 2 {
            let outer = folder.appendingPathComponent(first)
            for second in (try? manager.contentsOfDirectory(atPath: outer.path)) ?? [] {
                let inner = outer.appendingPathComponent(second)
                for name in (try? manager.contentsOfDirectory(atPath: inner.path)) ?? [] where Self.isDigest(name) {
                    var status = stat()
                    guard lstat(inner.appendingPathComponent(name).path, &status) == 0,
                        Double(status.st_mtim.tv_sec) < moment.timeIntervalSince1970
                    else { continue }
                    batch.append(name)
                    if batch.count == 500 {
                        try body(batch)
                        batch = []
                    }
                }
            }
        }
        if !batch.isEmpty { try body(batch) }
    }

    private static let removedPrefix = "removed"

    /// Takes an object's file out of the way, so that it can be put back. Blocks.
    ///
    /// Whoever receives the same bytes meanwhile finds no file and writes one.
    func setAside(_ sha256: String) throws -> URL {
        let aside = stagingFolder.appendingPathComponent("\(Self.removedPrefix)-\(sha256)-\(UUID().uuidString)")
        guard rename(location(of: sha256).path, aside.path) == 0 else {
            throw ObjectFolderError("the object \(sha256) can't be removed", in: folder)
        }
        return aside
    }

    /// Puts back what ``setAside(_:)`` took. Blocks.
    func putBack(_ aside: URL, as sha256: String) throws {
        guard link(aside.path, location(of: sha256).path) == 0 || errno == EEXIST else {
            throw ObjectFolderError("the object \(sha256) can't be put back from \(aside.path)", in: folder)
        }
        try FileBytes.synchronise(location(of: sha256).deletingLastPathComponent())
        unlink(aside.path)
    }
}

/// An object in an ``ObjectFolder``.
public struct StoredObject: Sendable {
    /// Its first bytes, by which a file's kind is told: the preamble and prefix of DICOM (PS3.10 section 7.1).
    public let head: [UInt8]
    /// All of it, for a decoder.
    public let source: ObjectSource

    static let headBytes = 132
}

/// Why the object folder could not be used.
public struct ObjectFolderError: Error, Sendable, CustomStringConvertible {
    /// What a program acts upon.
    public enum Code: String, Sendable {
        case objectMissing = "object_missing"
        case objectAltered = "object_altered"
        case diskFull = "disk_full"
        case unusable = "object_folder_unusable"
    }

    /// What went wrong.
    public let code: Code
    /// What could not be done, where, and what to do.
    public let description: String

    init(_ what: String, in folder: URL, code: Code) {
        self.code = code
        description = "\(what) (\(folder.path))"
    }

    /// With the reason that `errno` gives.
    init(_ what: String, in folder: URL) {
        self.init(what, in: folder, number: errno)
    }

    init(_ what: String, in folder: URL, number: Int32) {
        let reason = String(cString: strerror(number))
        switch number {
        case ENOSPC, EDQUOT:
            code = .diskFull
            description = "\(what): the disk of \(folder.path) is full; make room, nothing that was accepted is lost"
        case ENOENT:
            code = .objectMissing
            description = "\(what): \(reason) in \(folder.path)"
        default:
            code = .unusable
            description = "\(what): \(reason); check the disk and the rights of \(folder.path)"
        }
    }

    init(_ what: String, in folder: URL, _ underlying: any Error) {
        code = .unusable
        description = "\(what): \(underlying.localizedDescription); check the disk and the rights of \(folder.path)"
    }
}
