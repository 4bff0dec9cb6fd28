/// The data types of HL7 FHIR R4 that the projections use.
enum FHIR {
    static let dicom = "http://dicom.nema.org/resources/ontology/DCM"
    static let terminology = "http://terminology.hl7.org/CodeSystem/"
    static let securityRole = terminology + "extra-security-role-type"
    /// The prefix of Longview's own code and identifier systems.
    static let longview = "urn:longview:"

    /// An object of the members that have a value.
    static func object(_ members: (name: String, value: JSONValue?)...) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return .object(object)
    }

    static func coding(system: String, code: String, display: String? = nil) -> JSONValue {
        object(("system", .string(system)), ("code", .string(code)), ("display", display.map { .string($0) }))
    }

    static func concept(_ coding: JSONValue) -> JSONValue {
        object(("coding", .array([coding])))
    }

    /// A logical reference by an identifier alone.
    static func reference(identifier: String? = nil, display: String? = nil) -> JSONValue {
        object(
            ("identifier", identifier.map { object(("value", .string($0))) }),
            ("display", display.map { .string($0) }))
    }

    /// A logical reference to what an identifier names. It has no display: none would say more than the identifier.
    static func reference(to identifier: AuditObject.Identifier, type: String? = nil) -> JSONValue {
        object(("type", type.map { .string($0) }), ("identifier", self.identifier(identifier)))
    }

    /// An Identifier: of a patient as the issuer assigned it, of a DICOM UID as `urn:oid`, of a commitment as its digits
    /// in a system of the commitment's kind.
    static func identifier(_ identifier: AuditObject.Identifier) -> JSONValue {
        switch identifier {
        case .plain(let text, let code):
            return object(
                ("system", .string(longview + code.value)), ("value", .string(text)))
        case .commitment(let commitment, let domain):
            return object(
                ("system", .string(longview + "commitment:" + domain.shortName)),
                ("value", .string(commitment.hash.hexadecimal)))
        case .opened(let opening):
            if let (id, issuer) = opening.patientParts {
                return object(
                    ("value", .string(id)),
                    ("assigner", issuer.isEmpty ? nil : object(("display", .string(issuer)))))
            }
            switch opening.domain {
            case .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID:
                return object(("system", "urn:dicom:uid"), ("value", .string("urn:oid:" + opening.text)))
            default:
                return object(
                    ("system", .string(longview + opening.domain.shortName)), ("value", .string(opening.text)))
            }
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral {
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An array of these.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}
