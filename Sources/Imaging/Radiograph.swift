/// A radiograph as it is scored and stored: an 8-bit picture, bone white as on a light box, and how it came about.
///
/// The steps, in this order (PS3.4 N.2, and the preprocessing published with CXR-Risk):
///
/// 1. stored values → modality LUT sequence, or rescale slope and intercept (PS3.3 C.11.1), or neither;
/// 2. VOI, as the profile says: none, a window (LINEAR, LINEAR_EXACT, SIGMOID) or a VOI LUT (PS3.3 C.11.2);
/// 3. polarity, which is what Presentation LUT Shape comes to (PS3.3 C.11.6): values change sign where low values are
///    meant to be white;
/// 4. trim: border rows and columns whose values all equal the first pixel's go;
/// 5. level: minimum … maximum is stretched to 0 … 255 in float64 and rounded half up; a constant picture becomes 0;
/// 6. resize: the shorter side becomes the profile's `renderedShorterSide`, enlarging small pictures too (DICOM only).
///
/// The published profile has no VOI step: the window is the reader's choice, the stored values are the detector's. A
/// PNG or JPEG file starts at step 4 from its grey levels, and is not resized: it is taken to have been rendered
/// already.
public struct Radiograph: Sendable, Equatable {
    /// The rendered picture.
    public let picture: GreyPicture
    /// How it was rendered.
    public let provenance: RadiographProvenance

    /// Observations that a reader of the score should know, as codes: `no_dicom_identity`, `polarity_contradiction`,
    /// `pixel_padding_present`, `voi_absent`, `multi_frame`, `constant_picture`, `colour_reduced_to_luma`.
    public var flags: [String] { provenance.flags }

    /// A picture that was rendered as `provenance` says.
    public init(picture: GreyPicture, provenance: RadiographProvenance) {
        self.picture = picture
        self.provenance = provenance
    }
}

/// Every choice that was made in rendering a radiograph; enough to repeat it.
public struct RadiographProvenance: Sendable, Equatable, Codable {
    /// What the picture was read from.
    public enum Source: String, Sendable, Codable {
        case dicom, png, jpeg
    }

    /// Whether the values changed sign, and what said so.
    public struct Polarity: Sendable, Equatable, Codable {
        /// What decided the polarity.
        public enum Basis: String, Sendable, Codable {
            /// Presentation LUT Shape (2050,0020).
            case presentationLUTShape = "presentation_lut_shape"
            /// Photometric Interpretation (0028,0004).
            case photometricInterpretation = "photometric_interpretation"
            /// The file format: minimum is black.
            case fileFormat = "file_format"
        }
        /// Whether low values are white.
        public let inverted: Bool
        /// What decided it.
        public let basis: Basis
    }

    /// A part of a picture, in pixels from its upper left corner.
    public struct Rectangle: Sendable, Equatable, Codable {
        /// Columns to the left of the part, and rows above it.
        public let x, y: Int
        /// Columns and rows of the part.
        public let width, height: Int
    }

    /// Columns and rows of a picture.
    public struct Size: Sendable, Equatable, Codable {
        /// Columns and rows.
        public let width, height: Int
    }

    /// The range of values, after modality and VOI transform and before a change of sign, that became 0 … 255.
    public struct Level: Sendable, Equatable, Codable {
        /// The lowest and the highest value.
        public let low, high: Double
    }

    /// What the picture was read from.
    public let source: Source
    /// The step from stored values to modality values.
    public let modalityTransform: ModalityTransform
    /// The step from modality values to values of interest.
    public let voiTransform: VOITransform
    /// Whether low values are white.
    public let polarity: Polarity
    /// The size before trimming.
    public let storedSize: Size
    /// What trimming kept.
    public let trim: Rectangle
    /// The range that was levelled.
    public let level: Level
    /// The size of the picture.
    public let renderedSize: Size
    /// The filter between the trimmed and the rendered size: `lanczos3-fixed22`, or `none`.
    public let resampling: String
    /// Codes of what was noticed; see `Radiograph.flags`.
    public let flags: [String]

    enum CodingKeys: String, CodingKey {
        case source, polarity, trim, level, resampling, flags
        case modalityTransform = "modality_transform"
        case voiTransform = "voi_transform"
        case storedSize = "stored_size"
        case renderedSize = "rendered_size"
    }
}
