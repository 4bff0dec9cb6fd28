/// What the gate looks at in a DICOM header; nothing here identifies a person.
///
/// Values are normalised code strings, and what is no code string is replaced, so that free text that strayed into a
/// coded attribute (a name, say) is neither stored nor shown.
public struct GateFacts: Sendable, Equatable {
    /// SOP Class UID (0008,0016).
    public var sopClassUID: String?
    /// Modality (0008,0060).
    public var modality: String?
    /// Body Part Examined (0018,0015).
    public var bodyPartExamined: String?
    /// The first item of Anatomic Region Sequence (0008,2218), as coding scheme and code value: `SCT 51185008`.
    public var anatomicRegion: String?
    /// View Position (0018,5101).
    public var viewPosition: String?
    /// The first item of View Code Sequence (0054,0220), as coding scheme and code value: `SCT 399173006`.
    public var viewCode: String?
    /// Patient Orientation (0020,0020): the directions of rows and of columns, such as `L` and `F`.
    public var patientOrientation: [String] = []
    /// Presentation Intent Type (0008,0068).
    public var presentationIntentType: String?
    /// Photometric Interpretation (0028,0004).
    public var photometricInterpretation: String?
    /// Burned In Annotation (0028,0301).
    public var burnedInAnnotation: String?
    /// Quality Control Image (0028,0300).
    public var qualityControlImage: String?
    /// Number of Frames (0028,0008); 1 where absent.
    public var numberOfFrames = 1
    /// Patient's Age (0010,1010) in years. Compared, never stored.
    public var ageInYears: Double?
    /// Whether Patient Species Description (0010,2201) names an animal; nil where it is absent.
    public var isAnimal: Bool?

    /// Nothing known.
    public init() {}

    /// `value` in upper case, trimmed, with each run of spaces, hyphens and underscores as one space; nil where nothing
    /// is left. Longer than a code string's 16 characters is tolerated to 32, as real headers need.
    static func codeString(_ value: String?) -> String? {
        guard let value else { return nil }
        let words = value.uppercased().split { $0 == " " || $0 == "-" || $0 == "_" || $0 == "\0" }
        guard !words.isEmpty else { return nil }
        let code = words.joined(separator: " ")
        let isCode = code.utf8.count <= 32 && code.utf8.allSatisfy { (0x20...0x5A).contains($0) && $0 != 0x5C }
        return isCode ? code : "(NOT A CODE STRING)"
    }

    /// Digits and dots, or a note that it is none.
    static func uid(_ value: String?) -> String? {
        guard let value else { return nil }
        let isUID = value.utf8.count <= 64 && value.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        return isUID ? value : "(NOT A UID)"
    }

    /// An age of the value representation AS (`045Y`, `018M`, `003W`, `002D`) in years; a bare number counts years, as
    /// some archives write. Nil for anything else.
    static func years(_ age: String?) -> Double? {
        guard let age, let last = age.last else { return nil }
        let unit: Double
        switch last {
        case "Y": unit = 1
        case "M": unit = 12
        case "W": unit = 365.25 / 7
        case "D": unit = 365.25
        case "0"..."9": return age.count <= 3 ? Double(age) : nil
        default: return nil
        }
        let digits = age.dropLast()
        guard (1...3).contains(digits.count), let number = Int(digits), number >= 0 else { return nil }
        return Double(number) / unit
    }
}
