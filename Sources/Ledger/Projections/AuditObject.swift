/// A coded value: code, coding scheme and meaning, as PS3.15 A.5 writes them.
struct AuditCode: Sendable, Hashable {
    let value: String
    let scheme: String
    let meaning: String

    /// A code of DICOM's coding scheme (PS3.16, annex D).
    static func dcm(_ value: String, _ meaning: String) -> AuditCode {
        AuditCode(value: value, scheme: "DCM", meaning: meaning)
    }

    /// An identifier type of RFC 3881, section 5.5.4.
    static func rfc3881(_ value: String, _ meaning: String) -> AuditCode {
        AuditCode(value: value, scheme: "RFC-3881", meaning: meaning)
    }

    /// A code of Longview's own: 99 begins a private coding scheme (PS3.16, 8.2).
    static func longview(_ value: String, _ meaning: String) -> AuditCode {
        AuditCode(value: value, scheme: "99LONGVIEW", meaning: meaning)
    }

    init(value: String, scheme: String, meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }

    init(_ code: EntryType.Code) {
        self = .dcm(code.value, code.meaning)
    }

    static let studyInstanceUID = dcm("110180", "Study Instance UID")
    static let patientNumber = rfc3881("2", "Patient Number")
}

/// Something that an event was about: A.5's ParticipantObjectIdentification, FHIR's AuditEvent.entity.
struct AuditObject {
    /// A value as an identifier, or what stands in its place.
    enum Identifier {
        /// A value that is not a patient's.
        case plain(String, AuditCode)
        /// A commitment that was not opened.
        case commitment(Commitment, CommitmentDomain)
        /// A commitment's value.
        case opened(CommitmentOpening)
    }

    /// ParticipantObjectTypeCode; FHIR audit-entity-type.
    enum Kind: Int {
        case person = 1
        case systemObject = 2
    }

    /// ParticipantObjectTypeCodeRole; FHIR object-role, which has no more than 24.
    enum Role: Int {
        case patient = 1
        case report = 3
        case securityResource = 13
        case query = 24
        case processingElement = 26
    }

    /// ParticipantObjectDataLifeCycle; FHIR dicom-audit-lifecycle.
    enum LifeCycle: Int {
        case creation = 1
        case importOrCopy = 2
        case amendment = 3
        case verification = 4
        case use = 6
        case derivation = 8
        case report = 9
        case export = 10
        case logicalDeletion = 14
        case erasure = 15
    }

    var identifier: Identifier
    var kind = Kind.systemObject
    var role: Role?
    var lifeCycle: LifeCycle?
    /// What a person reads; never a patient's name.
    var name: String
    /// What was asked, in place of the name.
    var query: [UInt8]?
    /// Further facts.
    var details: [(type: String, value: String)] = []
    /// Identifiers of the study's parts, by member of the entry.
    var parts: [(member: String, identifier: Identifier)] = []
}

extension AuditObject.Identifier {
    /// The text of the identifier: the value, or `commitment:` and the digits.
    var text: String {
        switch self {
        case .plain(let text, _): text
        case .commitment(let commitment, _): "commitment:" + commitment.hash.hexadecimal
        case .opened(let opening): opening.text
        }
    }

    /// What type of identifier it is.
    var code: AuditCode {
        switch self {
        case .plain(_, let code): code
        case .commitment(_, let domain):
            .longview(domain.shortName + "-commitment", "Salted commitment to a \(domain.meaning)")
        case .opened(let opening):
            switch opening.domain {
            case .patient: .patientNumber
            case .studyInstanceUID: .studyInstanceUID
            default: .longview(opening.domain.shortName, opening.domain.meaning)
            }
        }
    }
}

extension CommitmentDomain {
    /// The label's last part.
    var shortName: String { String(label.split(separator: "/").last ?? "") }

    /// What it is, in words.
    var meaning: String {
        switch self {
        case .patient: "patient"
        case .accessionNumber: "accession number"
        case .studyInstanceUID: "Study Instance UID"
        case .seriesInstanceUID: "Series Instance UID"
        case .sopInstanceUID: "SOP Instance UID"
        case .objectDigest: "SHA-256 of an object"
        case .pictureDigest: "SHA-256 of a picture"
        case .reportDigest: "SHA-256 of a report"
        default: "text"
        }
    }
}

extension CommitmentOpening {
    /// The patient ID and its issuer, empty where there is none; nil for what is not a patient.
    var patientParts: (id: String, issuer: String)? {
        guard domain == .patient, let split = value.firstIndex(of: 0) else { return nil }
        let issuer = String(decoding: value[..<split], as: UTF8.self)
        return (String(decoding: value[(split + 1)...], as: UTF8.self), issuer)
    }

    /// The value as text: digests in hexadecimal, a patient as HL7 v2's CX, `ID^^^issuer`, as ITI TF-2 3.20.7 asks.
    var text: String {
        switch domain {
        case .objectDigest, .pictureDigest, .reportDigest: return Hexadecimal.encode(value)
        case .patient:
            guard let (id, issuer) = patientParts else { return "" }
            return issuer.isEmpty ? Self.escaped(id) : "\(Self.escaped(id))^^^\(Self.escaped(issuer))"
        default: return String(decoding: value, as: UTF8.self)
        }
    }

    /// HL7 v2, 2.7: delimiters inside a component.
    private static func escaped(_ component: String) -> String {
        var text = ""
        for character in component.unicodeScalars {
            switch character {
            case "\\": text += "\\E\\"
            case "|": text += "\\F\\"
            case "^": text += "\\S\\"
            case "&": text += "\\T\\"
            case "~": text += "\\R\\"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
