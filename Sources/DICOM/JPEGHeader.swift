/// The frame header of a JPEG or JPEG-LS code stream (ITU-T T.81 B.2.2, T.87 C.2.2), read before a codec trusts it.
struct JPEGHeader {
    let precision: Int
    let rows: Int
    let columns: Int
    let components: Int

    /// Finds the frame header; nil where the code stream has none before its first scan.
    init?(_ codestream: UnsafeBufferPointer<UInt8>) {
        let reader = ByteReader(bytes: UnsafeRawBufferPointer(codestream), isBigEndian: true)
        guard reader.uint16(at: 0) == 0xFFD8 else { return nil }
        var offset = 2
        while let marker = reader.uint16(at: offset), marker >= 0xFF01 {
            // Fill bytes before a marker, and markers without parameters.
            if marker == 0xFFFF {
                offset += 1
                continue
            }
            if marker == 0xFF01 || (0xFFD0...0xFFD8).contains(marker) {
                offset += 2
                continue
            }
            if marker == 0xFFDA || marker == 0xFFD9 { return nil }
            guard let length = reader.uint16(at: offset + 2), length >= 2 else { return nil }
            let isFrame = (0xFFC0...0xFFCF).contains(marker) && marker != 0xFFC4 && marker != 0xFFC8 && marker != 0xFFCC
            if isFrame || marker == 0xFFF7 {
                guard length >= 8, offset + 10 <= codestream.count, let rows = reader.uint16(at: offset + 5),
                    let columns = reader.uint16(at: offset + 7)
                else { return nil }
                precision = Int(codestream[offset + 4])
                self.rows = Int(rows)
                self.columns = Int(columns)
                components = Int(codestream[offset + 9])
                return
            }
            offset += 2 + Int(length)
        }
        return nil
    }

    /// Whether the code stream has an end-of-image marker after its header. Entropy-coded data can't hold one by
    /// chance.
    static func hasEnd(_ codestream: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = codestream.count - 1
        while index > 0 {
            if codestream[index] == 0xD9, codestream[index - 1] == 0xFF { return true }
            index -= 1
        }
        return false
    }
}
