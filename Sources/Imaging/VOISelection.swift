/// Which values-of-interest transform of an object a profile applies (PS3.3 C.11.2 VOI LUT module).
///
/// In JSON: `"none"`, `"first_window"`, `"first_lut"`, or `{"named": "explanation"}`.
public enum VOISelection: Sendable, Equatable {
    /// None: the window is a reader's choice, the stored values are the detector's. What CXR-Risk's pipeline did.
    case none
    /// The first Window Center and Window Width; where there is none, the first item of VOI LUT Sequence.
    case firstWindow
    /// The first item of VOI LUT Sequence; where there is none, the first window.
    case firstLUT
    /// The window whose Window Center & Width Explanation (0028,1055), or else the table whose LUT Explanation
    /// (0028,3003), is this; compared without regard to case and surrounding space.
    case named(String)
}

extension VOISelection: Codable {
    private enum CodingKeys: String, CodingKey {
        case named
    }

    /// Reads a selection. Throws `DecodingError` for one that is unknown.
    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: CodingKeys.self) {
            self = .named(try container.decode(String.self, forKey: .named))
            return
        }
        let container = try decoder.singleValueContainer()
        switch try container.decode(String.self) {
        case "none": self = .none
        case "first_window": self = .firstWindow
        case "first_lut": self = .firstLUT
        default:
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "voi is none, first_window, first_lut or {\"named\": …}")
        }
    }

    /// Writes the selection as it is read.
    public func encode(to encoder: any Encoder) throws {
        if case .named(let name) = self {
            var container = encoder.container(keyedBy: CodingKeys.self)
            return try container.encode(name, forKey: .named)
        }
        var container = encoder.singleValueContainer()
        switch self {
        case .firstWindow: try container.encode("first_window")
        case .firstLUT: try container.encode("first_lut")
        default: try container.encode("none")
        }
    }
}
