public import Foundation
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A safetensors file, memory-mapped, every length, offset, dtype and shape of it checked.
///
/// The format (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, that many bytes of
/// JSON, then the tensors, which cover the rest without gap or overlap. The file must not be truncated while mapped:
/// reading a page that is gone raises SIGBUS.
public final class SafetensorsFile: Sendable {
    /// A tensor's place and form.
    public struct TensorInfo: Sendable, Equatable {
        /// The element type as the format writes it, for instance `F32`.
        public let dtype: String
        /// Empty for a scalar.
        public let shape: [Int]
        let range: Range<Int>  // of the file's bytes
    }

    /// The file's name, for messages.
    public let name: String
    /// What the file holds.
    public let tensors: [String: TensorInfo]
    /// The header's `__metadata__`.
    public let metadata: [String: String]

    /// Whether the values are a file's, and can be read again from it after their pages were given back.
    private let isFile: Bool
    /// Bytes that may be read before their pages are given back.
    static let residentLimit = 32 << 20
    private let bytesRead = Atomic<Int>(0)
    // Read-only memory that lives as long as this object, and so may be read from any thread.
    private nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// Maps and checks the file at `url`.
    /// - Throws: `InferenceError` (`unreadable`, `malformedWeights`).
    public init(url: URL) throws(InferenceError) {
        let name = url.lastPathComponent
        let mapped = try Self.map(url, name)
        do throws(HeaderError) {
            let (header, dataStart) = try Self.header(mapped)
            tensors = try Self.table(header.entries, dataStart: dataStart, fileSize: mapped.count)
            metadata = header.metadata
        } catch {
            munmap(UnsafeMutableRawPointer(mutating: mapped.baseAddress!), mapped.count)
            throw InferenceError(.malformedWeights, "\(name) can't be used as safetensors: \(error.message)")
        }
        bytes = mapped
        isFile = true
        self.name = name
    }

    /// Weights that are made rather than read; takes over `bytes`, a mapping.
    init(name: String, tensors: [String: TensorInfo], mapping bytes: UnsafeRawBufferPointer) {
        self.name = name
        self.tensors = tensors
        self.bytes = bytes
        metadata = [:]
        isFile = false
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }

    /// Calls `body` with the whole file.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(bytes)
    }

    /// Calls `body` with the whole file in pieces of megabytes, one after the other, without keeping their memory.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) {
        let length = 4 << 20
        for start in stride(from: 0, to: bytes.count, by: length) {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + length, bytes.count)])
            body(piece)
            didRead(piece.count)
        }
    }

    /// Counts what was read, and gives the memory of a file's pages back now and then: they can be read again. Not piece by
    /// piece, since each time every processor that runs a thread of the process is interrupted.
    func didRead(_ count: Int) {
        guard isFile, bytesRead.add(count, ordering: .relaxed).newValue >= Self.residentLimit else { return }
        bytesRead.store(0, ordering: .relaxed)
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count, MADV_DONTNEED)
    }

    /// Calls `body` with a float32 tensor's values, in row-major order.
    /// - Throws: `InferenceError` (`mismatchedWeights`) where the tensor is missing or not F32; what `body` throws.
    public func withFloats<R>(of tensor: String, _ body: (UnsafeBufferPointer<Float>) throws -> R) throws -> R {
        guard let info = tensors[tensor] else {
            throw InferenceError(.mismatchedWeights, "\(name) holds no tensor “\(tensor)”")
        }
        guard info.dtype == "F32" else {
            throw InferenceError(.mismatchedWeights, "the tensor “\(tensor)” of \(name) is \(info.dtype), not F32")
        }
        let values = UnsafeRawBufferPointer(rebasing: bytes[info.range])
        if Int(bitPattern: values.baseAddress) % MemoryLayout<Float>.alignment == 0 {
            return try body(values.bindMemory(to: Float.self))
        }
        // The format doesn't promise alignment.
        let copy = [Float](unsafeUninitializedCapacity: values.count / 4) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: values)
            count = values.count / 4
        }
        return try copy.withUnsafeBufferPointer(body)
    }

    /// Where an aligned float32 tensor's values lie, for as long as this object lives; nil where they are not aligned.
    /// - Throws: as `withFloats`.
    func mappedFloats(of tensor: String) throws -> UnsafePointer<Float>? {
        try withFloats(of: tensor) { values in
            guard let base = values.baseAddress, bytes.baseAddress! <= UnsafeRawPointer(base),
                UnsafeRawPointer(base) < bytes.baseAddress! + bytes.count
            else { return nil }
            return base
        }
    }

    private static func map(_ url: URL, _ name: String) throws(InferenceError) -> UnsafeRawBufferPointer {
        func failure(_ what: String) -> InferenceError {
            InferenceError(.unreadable, "\(name) can't be \(what): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InferenceError(.unreadable, "\(name) is not a file")
        }
        let size = Int(status.st_size)
        guard size >= 8 else {
            throw InferenceError(
                .malformedWeights, "\(name) can't be used as safetensors: it has \(size) bytes, too few for any")
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw failure("mapped")
        }
        return UnsafeRawBufferPointer(start: base, count: size)
    }

    private static func header(_ file: UnsafeRawBufferPointer) throws(HeaderError) -> (
        SafetensorsHeader, dataStart: Int
    ) {
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        // The reference implementation's limit.
        guard length <= 100_000_000 else { throw HeaderError("its header claims \(length) bytes, more than allowed") }
        guard Int(length) <= file.count - 8 else {
            throw HeaderError("its header claims \(length) bytes, the file has \(file.count - 8) after the length")
        }
        guard length > 0, file[8] == UInt8(ascii: "{") else { throw HeaderError("its header doesn't begin with “{”") }
        let dataStart = 8 + Int(length)
        return (try SafetensorsHeader(parsing: UnsafeRawBufferPointer(rebasing: file[8..<dataStart])), dataStart)
    }

    private static let elementSizes = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4,
        "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
    ]

    /// Entries that cover the data exactly: sorted by offset, each begins where the one before ends.
    private static func table(
        _ entries: [String: SafetensorsHeader.Entry], dataStart: Int, fileSize: Int
    ) throws(HeaderError) -> [String: TensorInfo] {
        var end = 0
        var table: [String: TensorInfo] = [:]
        let sorted = entries.sorted { ($0.value.begin, $0.value.end, $0.key) < ($1.value.begin, $1.value.end, $1.key) }
        for (name, entry) in sorted {
            guard let size = elementSizes[entry.dtype] else {
                throw HeaderError("“\(name)” has the unknown dtype \(entry.dtype)")
            }
            var length = size
            for extent in entry.shape {
                let (product, overflow) = length.multipliedReportingOverflow(by: extent)
                guard !overflow else { throw HeaderError("the shape of “\(name)” is larger than any file") }
                length = product
            }
            guard entry.begin <= entry.end, entry.end - entry.begin == length else {
                throw HeaderError(
                    "“\(name)” of shape \(entry.shape) and dtype \(entry.dtype) needs \(length) bytes, "
                        + "its offsets are \(entry.begin) to \(entry.end)")
            }
            guard entry.end <= fileSize - dataStart else {
                throw HeaderError(
                    "“\(name)” ends at \(entry.end), the file holds \(fileSize - dataStart) bytes of data")
            }
            guard entry.begin == end else {
                throw HeaderError(
                    "“\(name)” begins at \(entry.begin), the tensor before it ends at \(end): "
                        + (entry.begin < end ? "they overlap" : "bytes between belong to none"))
            }
            end = entry.end
            table[name] = TensorInfo(
                dtype: entry.dtype, shape: entry.shape, range: dataStart + entry.begin..<dataStart + entry.end)
        }
        guard end == fileSize - dataStart else {
            throw HeaderError("its tensors take \(end) bytes, the file holds \(fileSize - dataStart) of data")
        }
        return table
    }
}
