import Crypto
import Decoding
import Foundation
import Glibc
import Imaging

/// An object on its way into an ``ObjectFolder``: written under a temporary name, digested on the way.
///
/// Not safe to use from two tasks at once: whoever receives an object writes it. All of it blocks.
public final class IncomingObject: @unchecked Sendable {
    // One user at a time, as said above; nothing here is shared with another object.
    private let folder: ObjectFolder
    private let path: String
    private var descriptor: Int32
    private var hash = SHA256()
    private var isKept = false

    /// The first bytes, by which a file's kind is told.
    public private(set) var head: [UInt8] = []
    /// Bytes written.
    public private(set) var byteCount = 0

    init(in folder: ObjectFolder) throws {
        self.folder = folder
        path = folder.stagingFolder.appendingPathComponent(UUID().uuidString).path
        descriptor = -1
        var status = stat()
        repeat {
            if descriptor >= 0 { close(descriptor) }
            descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw ObjectFolderError("no new object can be written", in: folder.folder) }
            // Locked, it is left alone by the sweep of a process that starts; which may have come before the lock.
        } while flock(descriptor, LOCK_EX) != 0 || fstat(descriptor, &status) != 0 || status.st_nlink == 0
    }

    deinit { discard() }

    /// Adds bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "written to after its end")
        guard byteCount + bytes.count <= ObjectFolder.largestObject else {
            throw ObjectFolderError("it is larger than 2 GiB; no radiograph is", in: folder.folder, code: .unusable)
        }
        hash.update(bufferPointer: bytes)
        if head.count < StoredObject.headBytes { head += bytes.prefix(StoredObject.headBytes - head.count) }
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            if count < 0 {
                if errno == EINTR { continue }
                throw ObjectFolderError("an object can't be written", in: folder.folder)
            }
            offset += count
        }
        byteCount += bytes.count
    }

    /// As above.
    public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// What was written so far, for a decoder: what reads its header wants the whole of it.
    var source: ObjectSource {
        ObjectSource(count: byteCount) { [path, folder] buffer in
            let file = URL(fileURLWithPath: path)
            guard
                try FileBytes.withFile(
                    file, { descriptor, _ in try FileBytes.fill(buffer, from: descriptor, of: file) })
            else { throw ObjectFolderError("an object was cut short", in: folder.folder, code: .unusable) }
        }
    }

    /// Puts the object under its digest, with file and folders synced. When this returns, a power cut loses nothing.
    ///
    /// The temporary name stays until ``settle(_:)`` or ``discard()``: what is removed for its age meanwhile can so be
    /// put back.
    public func keep() throws -> String {
        precondition(!isKept)
        guard fsync(descriptor) == 0 else { throw ObjectFolderError("an object can't be synced", in: folder.folder) }
        let sha256 = hash.finalize().lowerCaseHex
        try linkIntoPlace(sha256)
        isKept = true
        return sha256
    }

    /// Ends it when the object is in the database: its file is there, or is put there again.
    public func settle(_ sha256: String) throws {
        precondition(isKept)
        if access(folder.location(of: sha256).path, F_OK) != 0 { try linkIntoPlace(sha256) }
        discard()
    }

    /// Removes the temporary name. What was kept stays kept.
    public func discard() {
        guard descriptor >= 0 else { return }
        unlink(path)
        close(descriptor)
        descriptor = -1
    }

    private func linkIntoPlace(_ sha256: String) throws {
        let target = folder.location(of: sha256)
        let inner = target.deletingLastPathComponent()
        let outer = inner.deletingLastPathComponent()
        for (made, parent) in [(outer, folder.folder), (inner, outer)] {
            if mkdir(made.path, 0o700) == 0 {
                try FileBytes.synchronise(parent)
            } else if errno != EEXIST {
                throw ObjectFolderError("the folder of an object can't be made", in: folder.folder)
            }
        }
        if link(path, target.path) != 0 {
            guard errno == EEXIST else {
                throw ObjectFolderError("an object can't be put in place", in: folder.folder)
            }
            // The same bytes were received before; from now on they count as new, so that they are not removed for
            // their age while this is under way.
            utimensat(AT_FDCWD, target.path, nil, 0)
        }
        try FileBytes.synchronise(inner)
    }
}
