/// Why a picture, profile or rule could not be used. Holds no attribute values of a patient and no file names.
public struct ImagingError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure this is, stable for programs; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as it is written to records.
        public let rawValue: String
        /// The code written as `rawValue`.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// There are no bytes.
        public static let empty = Code(rawValue: "empty")
        /// The bytes are neither PNG nor JPEG.
        public static let notAnImage = Code(rawValue: "not_an_image")
        /// The bytes end before the picture does.
        public static let truncated = Code(rawValue: "truncated")
        /// The bytes contradict their format.
        public static let damaged = Code(rawValue: "damaged")
        /// The declared size exceeds what is accepted.
        public static let tooLarge = Code(rawValue: "too_large")
        /// A valid picture of a kind that is not read (CMYK, more than 16 bits, several planes).
        public static let unsupported = Code(rawValue: "unsupported")
        /// The picture is not greyscale (RGB, YBR, palette).
        public static let notGreyscale = Code(rawValue: "not_greyscale")
        /// The modality LUT or rescale attributes can't be applied.
        public static let invalidModalityTransform = Code(rawValue: "invalid_modality_transform")
        /// The window or VOI LUT that the profile asks for can't be applied.
        public static let invalidVOITransform = Code(rawValue: "invalid_voi_transform")
        /// What is left of the picture is far too long and thin for a radiograph.
        public static let extremeAspectRatio = Code(rawValue: "extreme_aspect_ratio")
        /// The preprocessing profile is unknown or holds impossible values.
        public static let invalidProfile = Code(rawValue: "invalid_profile")
        /// Memory could not be had.
        public static let outOfMemory = Code(rawValue: "out_of_memory")
    }

    /// The kind of failure.
    public let code: Code
    /// What is wrong and what to do, for people.
    public let message: String
    /// What caused it, where another library reported first.
    public let underlying: (any Error)?

    /// An error of `code`, explained by `message`.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
