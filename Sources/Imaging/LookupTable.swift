import DICOM

/// A look-up table of the standard: LUT Descriptor and LUT Data, or their like in a palette (PS3.3 C.11.1.1, C.11.2.1.1,
/// C.7.6.3.1.5).
struct LookupTable {
    /// The input value that meets the first entry; lower ones meet it too, and those past the last entry meet that.
    let firstMapped: Int
    /// The entries; at least one.
    let entries: [UInt16]
    /// How many bits of an entry count.
    let bitsPerEntry: Int

    /// A table of `entries`, of which there is at least one.
    init(firstMapped: Int, entries: [UInt16], bitsPerEntry: Int = 16) {
        self.firstMapped = firstMapped
        self.entries = entries
        self.bitsPerEntry = bitsPerEntry
    }

    /// Reads a table.
    ///
    /// - Parameters:
    ///   - segmented: where the entries are, in segments, instead of in `data`.
    ///   - isSigned: whether input values can be negative: the first mapped value has their sign, whatever value
    ///     representation the writer chose.
    ///   - code: the error where it can't be read, with `name` in its message.
    init(
        _ dataset: DICOMDataset, descriptor: DICOMTag = .lutDescriptor, data: DICOMTag = .lutData,
        segmented: DICOMTag? = nil, isSigned: Bool, orElse code: ImagingError.Code, name: String
    ) throws(ImagingError) {
        let shape: [Int]
        let words: [UInt16]
        do {
            shape = try dataset.integers(descriptor)
            words = try dataset.words(segmented ?? data)
        } catch {
            throw ImagingError(code, "the \(name) can't be read", underlying: error)
        }
        guard shape.count == 3, (0...65_536).contains(shape[0]) else {
            throw ImagingError(code, "the \(name)'s descriptor is damaged")
        }
        // A count of 0 stands for 65,536, which 16 bits can't hold.
        let count = shape[0] == 0 ? 65_536 : shape[0]
        firstMapped = isSigned ? Int(Int16(truncatingIfNeeded: shape[1])) : shape[1] & 0xFFFF
        bitsPerEntry = shape[2]
        if segmented != nil {
            let units = bitsPerEntry == 8 ? words.flatMap { [$0 & 0xFF, $0 >> 8] } : words
            guard let expanded = Self.expanded(units, count: count) else {
                throw ImagingError(code, "the \(name)'s segments are damaged")
            }
            entries = expanded
        } else if words.count >= count {
            entries = Array(words.prefix(count))
        } else if bitsPerEntry == 8, words.count * 2 >= count {
            // Entries of 8 bits may be packed two to a word, the first in the low byte (PS3.3 C.11.1.1.1).
            entries = (0..<count).map { words[$0 / 2] >> (8 * ($0 % 2)) & 0xFF }
        } else {
            throw ImagingError(code, "the \(name) has fewer entries than it declares")
        }
    }

    /// The `count` entries that segments stand for (PS3.3 C.7.9.2); nil where they give another number.
    ///
    /// Discrete segments hold entries, linear ones lead from the entry before to their own last one, indirect ones
    /// repeat segments from further up.
    private static func expanded(_ units: [UInt16], count: Int) -> [UInt16]? {
        var entries: [UInt16] = []
        /// Expands `segments` segments (all there are, if nil) from `offset` on; false where they are damaged.
        func expand(from start: Int, segments: Int?, isRepeated: Bool) -> Bool {
            var offset = start
            var done = 0
            while segments.map({ done < $0 }) ?? (offset + 2 <= units.count && entries.count < count) {
                guard offset + 2 <= units.count else { return false }
                let (kind, length) = (units[offset], Int(units[offset + 1]))
                offset += 2
                switch kind {
                case 0:
                    guard offset + length <= units.count, entries.count + length <= count else { return false }
                    entries += units[offset..<offset + length]
                    offset += length
                case 1:
                    guard offset < units.count, let first = entries.last, entries.count + length <= count else {
                        return false
                    }
                    let rise = Int(units[offset]) - Int(first)
                    for step in 0..<length {
                        let value = Double(first) + Double(rise) * Double(step + 1) / Double(length)
                        entries.append(UInt16(value.rounded()))
                    }
                    offset += 1
                case 2 where !isRepeated:
                    guard offset + 2 <= units.count else { return false }
                    let target = Int(units[offset]) | Int(units[offset + 1]) << 16
                    guard target % 2 == 0, target / 2 < offset,
                        expand(from: target / 2, segments: length, isRepeated: true)
                    else { return false }
                    offset += 2
                default: return false
                }
                done += 1
            }
            return true
        }
        guard expand(from: 0, segments: nil, isRepeated: false), entries.count == count else { return nil }
        return entries
    }

    /// The entry that `value` meets.
    func entry(for value: Int) -> UInt16 { entries[min(max(value - firstMapped, 0), entries.count - 1)] }
}
