/// The default context thresholds of JPEG-LS, written into code streams that leave them out (ITU-T T.87 C.2.4.1.1.1).
///
/// DCMTK 3.6.7's CharLS computes them wrongly below 8 bits, and then refuses the picture or shows another. A marker
/// segment LSE that spells the defaults out does not change what the code stream means.
enum JPEGLSThresholds {
    /// A copy with an LSE segment, or nil where none is needed: 8 bits and more, or one is there.
    static func madeExplicit(_ codestream: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let header = JPEGHeader(codestream), (2...7).contains(header.precision), let near = near(codestream)
        else {
            return nil
        }
        let maximum = (1 << header.precision) - 1
        let (first, second, third) = defaults(maximum: maximum, near: near)
        // Marker, length 13, type 1, then MAXVAL, T1, T2, T3 and RESET.
        var segment: [UInt8] = [0xFF, 0xF8, 0x00, 0x0D, 0x01]
        for value in [maximum, first, second, third, 64] { segment += [UInt8(value >> 8), UInt8(value & 0xFF)] }
        return Array(codestream[..<2]) + segment + Array(codestream[2...])
    }

    /// T1, T2 and T3 for a largest sample value below 128.
    static func defaults(maximum: Int, near: Int) -> (Int, Int, Int) {
        func clamped(_ value: Int, above low: Int) -> Int { value > maximum || value < low ? low : value }
        let factor = 256 / (maximum + 1)
        let first = clamped(max(2, 3 / factor + 3 * near), above: near + 1)
        let second = clamped(max(3, 7 / factor + 5 * near), above: first)
        let third = clamped(max(4, 21 / factor + 7 * near), above: second)
        return (first, second, third)
    }

    /// NEAR from the scan header; nil where there is none, or thresholds are given before it.
    private static func near(_ codestream: UnsafeBufferPointer<UInt8>) -> Int? {
        let reader = ByteReader(bytes: UnsafeRawBufferPointer(codestream), isBigEndian: true)
        var offset = 2
        while let marker = reader.uint16(at: offset), marker >= 0xFF01, let length = reader.uint16(at: offset + 2) {
            if marker == 0xFFF8 { return nil }
            if marker == 0xFFDA {
                guard offset + 5 <= codestream.count else { return nil }
                let near = offset + 5 + 2 * Int(codestream[offset + 4])
                return near < codestream.count ? Int(codestream[near]) : nil
            }
            offset += 2 + Int(length)
        }
        return nil
    }
}
