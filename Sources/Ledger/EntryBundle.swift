/// Up to 256 consecutive entries, each after its length as a big-endian 16-bit number: C2SP tlog-tiles.
public enum EntryBundle {
    /// The bundle of entries.
    /// - Throws: ``LedgerError`` (`entryTooLarge`).
    public static func encode(_ entries: some Sequence<[UInt8]>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries { try append(entry, to: &bytes) }
        return bytes
    }

    /// Appends an entry to a bundle.
    /// - Throws: ``LedgerError`` (`entryTooLarge`).
    public static func append(_ entry: [UInt8], to bundle: inout [UInt8]) throws {
        guard let count = UInt16(exactly: entry.count) else {
            throw LedgerError(
                .entryTooLarge,
                "an entry has \(entry.count) bytes; at most \(CanonicalJSON.maximumBytes) can be recorded")
        }
        bundle.append(UInt8(count >> 8))
        bundle.append(UInt8(truncatingIfNeeded: count))
        bundle.append(contentsOf: entry)
    }

    /// Calls `body` with each entry's position in the bundle and its bytes, which it must not keep.
    /// - Throws: ``LedgerError`` (`malformedTile`) where the bundle ends within an entry, or what `body` throws.
    /// - Returns: the number of entries.
    @discardableResult
    public static func forEach(
        in bundle: [UInt8], _ body: (_ position: Int, _ entry: UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        try bundle.withUnsafeBytes { buffer in
            var offset = 0
            var position = 0
            while offset < buffer.count {
                guard offset + 2 <= buffer.count else { throw truncated(position) }
                let count = Int(buffer[offset]) << 8 | Int(buffer[offset + 1])
                offset += 2
                guard offset + count <= buffer.count else { throw truncated(position) }
                try body(position, UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + count]))
                offset += count
                position += 1
            }
            return position
        }
    }

    /// The entries of a bundle.
    /// - Throws: ``LedgerError`` (`malformedTile`).
    public static func decode(_ bundle: [UInt8]) throws -> [[UInt8]] {
        var entries: [[UInt8]] = []
        try forEach(in: bundle) { _, entry in entries.append(Array(entry)) }
        return entries
    }

    private static func truncated(_ position: Int) -> LedgerError {
        LedgerError(.malformedTile, "the entry bundle ends within its entry \(position)")
    }
}
