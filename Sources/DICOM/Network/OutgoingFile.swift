import Glibc

/// A DICOM file to be sent: where its data set is, and what that is.
///
/// Only the beginning is read until it is sent, and then a piece at a time.
struct OutgoingFile {
    let path: String
    let identity: DatasetIdentity
    /// Where the data set begins.
    private let start: Int

    /// Longer file meta information than this is not known to exist.
    private static let longestHead = 256 << 10
    private static let pieceCount = 256 << 10

    /// Reads as much of the file as it takes to know what it is. Throws ``DICOMError``.
    init(path: String) throws(DICOMError) {
        self.path = path
        let descriptor = try Self.open(path)
        defer { close(descriptor) }
        let head = try Self.read(descriptor, at: 0, count: Self.longestHead)
        let found: (Int, DatasetIdentity) = try head.withUnsafeBufferPointer { (buffer) throws(DICOMError) in
            let bytes = UnsafeRawBufferPointer(buffer)
            guard !bytes.isEmpty else { throw DICOMError(.empty, "there are no bytes. Fetch the object again.") }
            let meta = try FileMetaInformation(bytes)
            let start = meta.range.upperBound
            let dataset = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(DatasetIdentity.headCount))
            let isWhole = bytes.count < Self.longestHead && dataset.count < DatasetIdentity.headCount
            return (
                start,
                try DatasetIdentity(head: dataset, isWhole: isWhole, transferSyntaxUID: meta.transferSyntaxUID)
            )
        }
        (start, identity) = found
    }

    /// Passes the data set on in pieces of an even length, and says which is the last.
    ///
    /// Throws ``DICOMError`` where the file can no longer be read, and ``AssociationError`` where `body` does.
    func eachPiece(_ body: (UnsafeRawBufferPointer, _ isLast: Bool) throws -> Void) throws {
        let descriptor = try Self.open(path)
        defer { close(descriptor) }
        var offset = start
        var piece = try Self.read(descriptor, at: offset, count: Self.pieceCount)
        while true {
            offset += piece.count
            let next = try Self.read(descriptor, at: offset, count: Self.pieceCount)
            // A data set of an odd length is not one, but there are some; fragments have to be even.
            if next.isEmpty, piece.count & 1 == 1 { piece.append(0) }
            try piece.withUnsafeBytes { try body($0, next.isEmpty) }
            if next.isEmpty { return }
            piece = next
        }
    }

    private static func open(_ path: String) throws(DICOMError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable() }
        return descriptor
    }

    private static func read(_ descriptor: Int32, at offset: Int, count: Int) throws(DICOMError) -> [UInt8] {
        var isFailed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                isFailed = got < 0
                if got <= 0 { return }
                filled += got
            }
        }
        if isFailed { throw unreadable() }
        return bytes
    }

    private static func unreadable() -> DICOMError {
        DICOMError(.unreadable, "the file can't be read: \(String(cString: strerror(errno))).")
    }
}
