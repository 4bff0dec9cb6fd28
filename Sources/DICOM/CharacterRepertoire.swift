import CDCMTK

/// A set of characters that a defined term of Specific Character Set names (PS3.3 C.12.1.1.2, PS3.5 6.1).
struct CharacterRepertoire: Hashable, Sendable {
    /// How the codes of a run become an encoding that iconv has.
    enum Form: Hashable, Sendable {
        /// As they are.
        case plain
        /// Both bytes with the high bit set: G0 codes in an EUC encoding.
        case high
        /// The same, each character after a byte that selects the EUC encoding's third or fourth set.
        case prefixed(UInt8, width: Int)
        /// JIS X 0201's Latin half: ASCII but for a yen sign and an overline.
        case romaji
    }

    /// iconv's name of the encoding.
    let encoding: String
    let form: Form
    /// Bytes a character.
    let width: Int

    static let ascii = CharacterRepertoire(encoding: "US-ASCII", form: .plain, width: 1)

    /// Converts a run of whole characters; nil where it is not valid.
    func decoded(_ run: ArraySlice<UInt8>) -> String? {
        let bytes: [UInt8]
        switch form {
        case .plain: bytes = Array(run)
        case .high: bytes = run.map { $0 | 0x80 }
        case .prefixed(let prefix, let width):
            bytes = run.enumerated().flatMap { offset, byte in
                offset % width == 0 ? [prefix, byte | 0x80] : [byte | 0x80]
            }
        case .romaji:
            guard run.allSatisfy({ $0 < 0x80 }) else { return nil }
            return String(decoding: run, as: UTF8.self).replacing("\\", with: "¥").replacing("~", with: "‾")
        }
        return Self.convert(bytes, from: encoding)
    }

    /// Converts bytes by iconv's name of their encoding; nil where they are not valid in it.
    static func convert(_ bytes: [UInt8], from encoding: String) -> String? {
        if encoding == "US-ASCII" {
            return bytes.allSatisfy { $0 < 0x80 } ? String(decoding: bytes, as: UTF8.self) : nil
        }
        if encoding == "UTF-8" { return String(validating: bytes, as: UTF8.self) }
        var text: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = bytes.withUnsafeBufferPointer { CDCMTK_convert(encoding, CDCMTK_bytes($0), &text, &count) }
        defer { CDCMTK_release(text) }
        return status == CDCMTK_OK
            ? String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self) : nil
    }
}
