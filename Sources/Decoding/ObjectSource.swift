/// The bytes of an object, to be written into a decoder's memory: so they need not be in this process's first.
public struct ObjectSource: Sendable {
    /// How many bytes there are.
    public let count: Int
    private let write: @Sendable (UnsafeMutableRawBufferPointer) throws -> Void

    /// `count` bytes that `write` puts into a buffer of that length, all of them or throwing; it blocks, and may be called
    /// again for another process.
    public init(count: Int, write: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Void) {
        self.count = count
        self.write = write
    }

    /// Bytes that are in memory.
    public init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// Fills `buffer`, which has room for all. Blocks; throws what its maker's function throws.
    public func write(to buffer: UnsafeMutableRawBufferPointer) throws {
        try write(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    }
}
