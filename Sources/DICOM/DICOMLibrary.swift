import CDCMTK

/// DCMTK as this process has it: its data dictionary and codecs.
public enum DICOMLibrary {
    /// DCMTK's version, such as `3.6.7`.
    public static var version: String { String(cString: CDCMTK_version()) }

    /// Loads the data dictionary and registers the codecs, once a process; ``DICOMObject`` does so by itself.
    ///
    /// Throws ``DICOMError/Code/libraryUnusable`` where the installation lacks the dictionary.
    public static func initialise() throws(DICOMError) {
        var message = CDCMTK_message()
        try check(CDCMTK_initialise(&message), message)
    }

    /// What the data dictionary says of a tag.
    static func lookUp(_ tag: DICOMTag) -> (keyword: String?, valueRepresentation: String) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 + 3) { buffer in
            let keyword = buffer.baseAddress!
            let valueRepresentation = keyword + 64
            CDCMTK_lookup(tag.group, tag.element, keyword, valueRepresentation)
            let name = String(cString: keyword)
            return (name.isEmpty ? nil : name, String(cString: valueRepresentation))
        }
    }

    /// The one place where a status of `CDCMTK` becomes an error.
    static func check(
        _ status: CDCMTK_code, _ message: CDCMTK_message = CDCMTK_message(), tag: DICOMTag? = nil
    ) throws(DICOMError) {
        let code: DICOMError.Code
        switch status {
        case CDCMTK_OK: return
        case CDCMTK_ABSENT, CDCMTK_INVALID_VALUE: code = .invalidAttribute
        case CDCMTK_MALFORMED: code = .malformed
        case CDCMTK_DECODE_FAILED: code = .decodeFailed
        case CDCMTK_UNSUPPORTED: code = .unsupportedPixelFormat
        case CDCMTK_TOO_LARGE, CDCMTK_OUT_OF_MEMORY: code = .tooLarge
        case CDCMTK_LIBRARY_UNUSABLE: code = .libraryUnusable
        default: code = DICOMError.Code(rawValue: "dcmtk_\(status.rawValue)")
        }
        let text = withUnsafeBytes(of: message.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw DICOMError(code, text.isEmpty ? "the value is missing or not of the kind expected." : text, tag: tag)
    }
}
