/// What the gate looks at in a DICOM header; nothing here identifies a person.
///
/// Values are normalised code strings, and what is no code string is replaced, so that free text that strayed into a
/// coded attribute (a name, say) is neither stored nor shown.
public struct GateFacts: Sendable, Equatable {
    /// Modality (0008,0060).
    public let modality: String?
    /// Body Part Examined (0018,0015).
    public let bodyPartExamined: String?
    /// View Position (0018,5101).
    public let viewPosition: String?
    /// Presentation Intent Type (0008,0068).
    public let presentationIntentType: String?
    /// Photometric Interpretation (0028,0004).
    public let photometricInterpretation: String?
    /// Number of Frames (0028,0008); 1 where absent.
    public let numberOfFrames: Int

    /// Facts as given; strings are normalised, empty ones are absent.
    public init(
        modality: String?, bodyPartExamined: String?, viewPosition: String?, presentationIntentType: String?,
        photometricInterpretation: String?, numberOfFrames: Int = 1
    ) {
        self.modality = Self.codeString(modality)
        self.bodyPartExamined = Self.codeString(bodyPartExamined)
        self.viewPosition = Self.codeString(viewPosition)
        self.presentationIntentType = Self.codeString(presentationIntentType)
        self.photometricInterpretation = Self.codeString(photometricInterpretation)
        self.numberOfFrames = numberOfFrames
    }

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
}
