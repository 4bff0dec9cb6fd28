/// The kinds of entries, with what DICOM PS3.15 A.5 and FHIR AuditEvent call them.
public enum EntryType: String, Sendable, CaseIterable {
    case intake, refusal, inference, replay
    case modelImport = "model_import"
    case modelActivate = "model_activate"
    case modelShadow = "model_shadow"
    case modelRetire = "model_retire"
    case configurationChange = "configuration_change"
    case read, review, report, export, erasure
    case keyRotation = "key_rotation"
    case start, stop, migration

    /// A code of DICOM's coding scheme DCM (PS3.16, annex D).
    public struct Code: Sendable, Hashable {
        /// The code.
        public let value: String
        /// Its meaning.
        public let meaning: String
    }

    /// A.5's EventID.
    public var eventID: Code {
        switch self {
        case .intake: Code(value: "110107", meaning: "Import")
        case .refusal, .inference, .replay: Code(value: "110103", meaning: "DICOM Instances Accessed")
        case .modelImport, .modelActivate, .modelShadow, .modelRetire, .configurationChange, .keyRotation, .migration:
            Code(value: "110113", meaning: "Security Alert")
        case .read: Code(value: "110112", meaning: "Query")
        case .review, .erasure: Code(value: "110110", meaning: "Patient Record")
        case .report, .export: Code(value: "110106", meaning: "Export")
        case .start, .stop: Code(value: "110100", meaning: "Application Activity")
        }
    }

    /// A.5's EventTypeCode, where the event has several.
    public var eventTypeCode: Code? {
        switch self {
        case .modelImport, .modelActivate, .modelShadow, .modelRetire, .configurationChange, .migration:
            Code(value: "110131", meaning: "Software Configuration")
        case .keyRotation: Code(value: "110129", meaning: "Security Configuration")
        case .start: Code(value: "110120", meaning: "Application Start")
        case .stop: Code(value: "110121", meaning: "Application Stop")
        default: nil
        }
    }

    /// A.5's EventActionCode: C create, R read, U update, D delete, E execute.
    public var actionCode: String {
        switch self {
        case .intake: "C"
        case .refusal, .inference, .replay, .report, .export: "R"
        case .review: "U"
        case .erasure: "D"
        default: "E"
        }
    }
}
