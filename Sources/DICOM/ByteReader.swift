/// Numbers at offsets of a buffer, in a given byte order. Every read is checked against the end.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    var isBigEndian = false

    func uint16(at offset: Int) -> UInt16? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return isBigEndian ? UInt16(bigEndian: value) : UInt16(littleEndian: value)
    }

    func uint32(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return isBigEndian ? UInt32(bigEndian: value) : UInt32(littleEndian: value)
    }

    func tag(at offset: Int) -> DICOMTag? {
        guard let group = uint16(at: offset), let element = uint16(at: offset + 2) else { return nil }
        return DICOMTag(group, element)
    }

    /// The bytes as ASCII text without padding.
    func text(in range: Range<Int>) -> String {
        var text = Substring(String(decoding: bytes[range], as: UTF8.self))
        while let last = text.last, last == " " || last == "\0" { text.removeLast() }
        return String(text)
    }
}
