/// The forms in which a bundle can hold entries beside the entries themselves.
public enum ProjectionFormat: String, Sendable, CaseIterable {
    /// Each entry as it is, with its index and leaf hash, one JSON object a line.
    case ndjson
    /// A table for spreadsheets.
    case csv
    /// FHIR R4: AuditEvent and RiskAssessment, one resource a line, one file a type (as FHIR Bulk Data).
    case fhir
    /// DICOM PS3.15 A.5 audit messages in one XML document.
    case atna

    /// The files that hold it.
    public var fileNames: [String] {
        switch self {
        case .ndjson: ["entries.ndjson"]
        case .csv: ["entries.csv"]
        case .fhir: ["AuditEvent.ndjson", "RiskAssessment.ndjson"]
        case .atna: ["audit-messages.xml"]
        }
    }
}
