/// A zip archive as PyTorch writes it (PKWARE's APPNOTE.TXT): entries stored, not compressed, with ZIP64 extensions
/// where needed.
struct ZipArchive {
    /// An entry: where its bytes are in the file, and their checksum.
    struct Entry: Equatable {
        var range: Range<Int>
        var checksum: UInt32
    }

    /// Entries by name.
    let entries: [String: Entry]

    /// More entries than any checkpoint has tensors.
    private static let entryLimit = 1_000_000

    /// Whether `bytes` begin like a zip archive.
    static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: [0x50, 0x4B, 0x03, 0x04])
    }

    /// Reads the central directory. Every range is held against the bytes; entries that are compressed, encrypted, that
    /// overlap or have a name twice are refused.
    init(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        let reader = Reader(bytes: bytes)
        guard let (count, directory) = try Self.directory(reader) else {
            throw CheckpointError("its zip directory is missing: the file is cut off")
        }
        guard count <= Self.entryLimit else { throw CheckpointError("it has more entries than any checkpoint") }
        var entries: [String: Entry] = [:]
        var offset = directory.lowerBound
        for _ in 0..<count {
            let (name, entry, next) = try Self.entry(reader, at: offset, before: directory.lowerBound)
            guard next <= directory.upperBound else { throw CheckpointError("its zip directory is damaged") }
            guard entries.updateValue(entry, forKey: name) == nil else {
                throw CheckpointError("its zip directory names an entry twice")
            }
            offset = next
        }
        let ordered = entries.values.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        guard zip(ordered, ordered.dropFirst()).allSatisfy({ $0.range.upperBound <= $1.range.lowerBound }) else {
            throw CheckpointError("entries of its zip directory overlap")
        }
        self.entries = entries
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer

        func number<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) throws(CheckpointError) -> Int {
            guard offset >= 0, offset <= bytes.count - MemoryLayout<Value>.size,
                let value = Int(
                    exactly: Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)))
            else { throw CheckpointError("its zip directory is damaged") }
            return value
        }
    }

    /// The number of entries and where the central directory is.
    private static func directory(_ reader: Reader) throws(CheckpointError) -> (count: Int, Range<Int>)? {
        // The end record is 22 bytes and a comment of at most 65,535.
        let last = reader.bytes.count - 22
        guard last >= 0 else { return nil }
        for offset in stride(from: last, through: max(0, last - 65_535), by: -1)
        where reader.bytes[offset] == 0x50 {
            guard try reader.number(offset, UInt32.self) == 0x0605_4B50 else { continue }
            var count = try reader.number(offset + 10, UInt16.self)
            var size = try reader.number(offset + 12, UInt32.self)
            var start = try reader.number(offset + 16, UInt32.self)
            var end = offset
            if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
                // ZIP64: a locator before the end record says where the wider end record is.
                guard offset >= 20, try reader.number(offset - 20, UInt32.self) == 0x0706_4B50 else { return nil }
                end = try reader.number(offset - 12, UInt64.self)
                guard try reader.number(end, UInt32.self) == 0x0606_4B50 else { return nil }
                count = try reader.number(end + 32, UInt64.self)
                size = try reader.number(end + 40, UInt64.self)
                start = try reader.number(end + 48, UInt64.self)
            }
            let (sum, overflow) = start.addingReportingOverflow(size)
            guard !overflow, sum <= end else { throw CheckpointError("its zip directory is damaged") }
            return (count, start..<sum)
        }
        return nil
    }

    /// The entry whose directory record is at `offset`, and where the next record is.
    private static func entry(
        _ reader: Reader, at offset: Int, before limit: Int
    ) throws(CheckpointError) -> (name: String, Entry, next: Int) {
        guard try reader.number(offset, UInt32.self) == 0x0201_4B50 else {
            throw CheckpointError("its zip directory is damaged")
        }
        let flags = try reader.number(offset + 8, UInt16.self)
        let method = try reader.number(offset + 10, UInt16.self)
        let checksum = UInt32(try reader.number(offset + 16, UInt32.self))
        var stored = try reader.number(offset + 20, UInt32.self)
        var size = try reader.number(offset + 24, UInt32.self)
        let nameLength = try reader.number(offset + 28, UInt16.self)
        let extraLength = try reader.number(offset + 30, UInt16.self)
        let commentLength = try reader.number(offset + 32, UInt16.self)
        var header = try reader.number(offset + 42, UInt32.self)
        let nameEnd = offset + 46 + nameLength
        let next = nameEnd + extraLength + commentLength
        guard next <= reader.bytes.count,
            let name = String(validating: reader.bytes[(offset + 46)..<nameEnd], as: UTF8.self)
        else { throw CheckpointError("its zip directory is damaged") }
        // ZIP64 extra field: the values that don't fit above, in this order.
        var extra = nameEnd
        while extra + 4 <= nameEnd + extraLength {
            let length = try reader.number(extra + 2, UInt16.self)
            if try reader.number(extra, UInt16.self) == 1 {
                var field = extra + 4
                func wider(_ value: inout Int) throws(CheckpointError) {
                    guard value == 0xFFFF_FFFF else { return }
                    value = try reader.number(field, UInt64.self)
                    field += 8
                }
                try wider(&size)
                try wider(&stored)
                try wider(&header)
                guard field <= extra + 4 + length else { throw CheckpointError("its zip directory is damaged") }
            }
            extra += 4 + length
        }
        guard flags & 1 == 0, method == 0, stored == size else {
            throw CheckpointError("its entries are compressed or encrypted, which PyTorch's are not")
        }
        guard try reader.number(header, UInt32.self) == 0x0403_4B50 else {
            throw CheckpointError("its zip directory is damaged")
        }
        let start =
            header + 30 + (try reader.number(header + 26, UInt16.self)) + (try reader.number(header + 28, UInt16.self))
        guard start <= limit, size <= limit - start else {
            throw CheckpointError("an entry reaches beyond the file's data")
        }
        return (name, Entry(range: start..<start + size, checksum: checksum), next)
    }
}

/// The CRC-32 of zip (ISO 3309, polynomial 0xEDB88320), eight bytes at a time (Kounavis and Berry 2005).
enum CRC32 {
    private static let tables: [[UInt32]] = {
        var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
            tables[0][index] = value
        }
        for index in 0..<256 {
            for table in 1..<8 {
                let previous = tables[table - 1][index]
                tables[table][index] = previous >> 8 ^ tables[0][Int(previous & 0xFF)]
            }
        }
        return tables
    }()

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let flat = tables.flatMap { $0 }
        return flat.withUnsafeBufferPointer { table in
            var value = ~UInt32(0)
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ value
                let high = UInt32(truncatingIfNeeded: word >> 32)
                value = table[1792 + Int(low & 0xFF)] ^ table[1536 + Int(low >> 8 & 0xFF)]
                value ^= table[1280 + Int(low >> 16 & 0xFF)] ^ table[1024 + Int(low >> 24)]
                value ^= table[768 + Int(high & 0xFF)] ^ table[512 + Int(high >> 8 & 0xFF)]
                value ^= table[256 + Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
                offset += 8
            }
            for index in offset..<bytes.count { value = table[Int((value ^ UInt32(bytes[index])) & 0xFF)] ^ value >> 8 }
            return ~value
        }
    }
}
