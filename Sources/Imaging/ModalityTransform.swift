/// How stored values become modality values (PS3.3 C.11.1 Modality LUT module).
public struct ModalityTransform: Sendable, Equatable, Codable {
    /// Which of the module's forms is applied.
    public enum Kind: String, Sendable, Codable {
        /// Stored values are modality values.
        case identity
        /// Rescale Slope (0028,1053) and Rescale Intercept (0028,1052).
        case rescale
        /// Modality LUT Sequence (0028,3000).
        case lookupTable = "lookup_table"
    }

    /// The form.
    public let kind: Kind
    /// Of `rescale`: value = stored × slope + intercept.
    public let slope, intercept: Double?
    /// Of `lookupTable`: the stored value that meets the first entry; lower ones meet it too.
    public let firstMapped: Int?
    /// Of `lookupTable`: the number of entries; stored values past the last meet the last.
    public let entryCount: Int?

    /// Stored values are modality values.
    public static let identity = ModalityTransform(
        kind: .identity, slope: nil, intercept: nil, firstMapped: nil, entryCount: nil)

    static func rescale(slope: Double, intercept: Double) -> ModalityTransform {
        ModalityTransform(kind: .rescale, slope: slope, intercept: intercept, firstMapped: nil, entryCount: nil)
    }

    static func lookupTable(firstMapped: Int, entryCount: Int) -> ModalityTransform {
        ModalityTransform(
            kind: .lookupTable, slope: nil, intercept: nil, firstMapped: firstMapped, entryCount: entryCount)
    }

    enum CodingKeys: String, CodingKey {
        case kind, slope, intercept
        case firstMapped = "first_mapped"
        case entryCount = "entry_count"
    }
}
