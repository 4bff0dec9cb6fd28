/// Who did it: DICOM PS3.15 A.5's active participant, FHIR AuditEvent's agent.
///
/// Staff are named: an audit trail is about them. Patients never are.
public struct EntryActor: Sendable, Equatable, Codable {
    /// What kind of actor it is.
    public enum Kind: String, Sendable, Codable {
        /// A person, signed in.
        case person
        /// A part of Longview.
        case service
        /// Another system: a modality, a PACS.
        case device
    }

    /// What kind of actor it is.
    public var kind: Kind
    /// The name it signed in with: a database role, a service's name, an application entity title.
    public var id: String
    /// The name by which the operating system or identity provider knows it.
    public var alternativeID: String?
    /// What it may do: `longview_clinician`, `longview_auditor`…
    public var role: String?
    /// Where it was: an IP address or host name.
    public var address: String?

    /// What happened, by these values.
    public init(
        kind: Kind, id: String, alternativeID: String? = nil, role: String? = nil, address: String? = nil
    ) {
        self.kind = kind
        self.id = id
        self.alternativeID = alternativeID
        self.role = role
        self.address = address
    }
}
