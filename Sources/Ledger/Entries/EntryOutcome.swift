/// How it ended: DICOM PS3.15 A.5's EventOutcomeIndicator, FHIR AuditEvent's outcome.
public enum EntryOutcome: String, Sendable, Codable {
    /// 0: done.
    case success
    /// 4: not done, and the asker may try again: an object refused, a read denied.
    case minorFailure = "minor_failure"
    /// 8: not done; something is wrong.
    case seriousFailure = "serious_failure"
    /// 12: the system can't go on.
    case majorFailure = "major_failure"

    /// The number that A.5 and FHIR use.
    public var indicator: Int {
        switch self {
        case .success: 0
        case .minorFailure: 4
        case .seriousFailure: 8
        case .majorFailure: 12
        }
    }
}
