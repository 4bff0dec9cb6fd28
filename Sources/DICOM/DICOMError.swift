/// Why an object can't be read, or its pixels can't be decoded.
///
/// The description names the attribute and what to do, and never holds an attribute's value.
public struct DICOMError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, as a word that is stored with a refusal and stays the same between releases.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The code as stored.
        public let rawValue: String

        /// A code from its stored form.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The code as stored.
        public var description: String { rawValue }

        /// There are no bytes.
        public static let empty = Code(rawValue: "empty_file")
        /// The file can't be read from disk.
        public static let unreadable = Code(rawValue: "unreadable")
        /// The bytes are not DICOM.
        public static let notDICOM = Code(rawValue: "not_dicom")
        /// The object ends before an element does that it declares.
        public static let truncated = Code(rawValue: "truncated")
        /// The elements contradict each other or the standard in a way that leaves their extent open.
        public static let malformed = Code(rawValue: "malformed")
        /// Sequences are nested deeper than ``DICOMLimits/nestingDepth``.
        public static let nestingTooDeep = Code(rawValue: "nesting_too_deep")
        /// The object or its picture is larger than ``DICOMLimits`` allows.
        public static let tooLarge = Code(rawValue: "too_large")
        /// The object holds no picture.
        public static let noPixelData = Code(rawValue: "no_pixel_data")
        /// Rows, Columns and their like do not describe the pixel data that is there.
        public static let pixelDataMismatch = Code(rawValue: "pixel_data_mismatch")
        /// No decoder for the transfer syntax.
        public static let unsupportedTransferSyntax = Code(rawValue: "unsupported_transfer_syntax")
        /// The transfer syntax is known, but not this layout of samples in it.
        public static let unsupportedPixelFormat = Code(rawValue: "unsupported_pixel_format")
        /// The compressed pixel data is damaged.
        public static let decodeFailed = Code(rawValue: "decode_failed")
        /// An attribute is missing, or has a value that its value representation does not allow.
        public static let invalidAttribute = Code(rawValue: "invalid_attribute")
        /// DCMTK's data dictionary or another part of this installation is missing.
        public static let libraryUnusable = Code(rawValue: "library_unusable")
    }

    /// What went wrong.
    public let code: Code
    /// One sentence: what, and what to do about it where there is something to do.
    public let message: String
    /// The attribute at fault, if one is.
    public let tag: DICOMTag?

    /// An error of `code`, about `tag` if an attribute is at fault.
    public init(_ code: Code, _ message: String, tag: DICOMTag? = nil) {
        self.code = code
        self.message = message
        self.tag = tag
    }

    /// The message, after the attribute's keyword and tag where there is one.
    public var description: String {
        guard let tag else { return message }
        return [tag.keyword, tag.description].compactMap { $0 }.joined(separator: " ") + ": " + message
    }
}
