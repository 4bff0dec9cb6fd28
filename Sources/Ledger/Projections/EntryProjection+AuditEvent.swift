/// HL7 FHIR R4 AuditEvent.
extension EntryProjection {
    /// The entry's AuditEvent.
    /// - Throws: ``LedgerError``, or what `opening` throws.
    public func auditEvent(_ entry: Entry, index: Int, leaf: MerkleHash) throws -> JSONObject {
        let objects = try objects(of: Placed(entry: entry, index: index, leaf: leaf))
        var event = JSONObject()
        event["resourceType"] = "AuditEvent"
        event["type"] = Self.coding(AuditCode(entry.type.eventID))
        event["subtype"] = .array(
            [
                entry.type.eventTypeCode.map { Self.coding(AuditCode($0)) },
                Self.coding(.longview(entry.type.rawValue, entry.type.rawValue)),
            ].compactMap { $0 })
        event["action"] = .string(entry.type.actionCode)
        event["recorded"] = .string(entry.time.description)
        event["outcome"] = .string(String(entry.outcome.indicator))
        event["outcomeDesc"] = entry.outcome == .success ? nil : entry.body.failure.map { .string($0) }
        event["purposeOfEvent"] = entry.body.purpose.map { purpose in
            let coding = FHIR.coding(system: FHIR.terminology + "v3-ActReason", code: purpose)
            return .array([FHIR.concept(coding)])
        }
        event["agent"] = .array(Self.agents(entry))
        event["source"] = FHIR.object(
            ("site", entry.source.site.map { .string($0) }),
            ("observer", FHIR.reference(display: entry.source.host)),
            (
                "type",
                [
                    FHIR.coding(
                        system: FHIR.terminology + "security-source-type", code: "4",
                        display: "Application Server")
                ]
            ))
        event["entity"] = .array(objects.map(Self.entity))
        return event
    }

    private static func agents(_ entry: Entry) -> [JSONValue] {
        let actor = entry.actor
        let kind =
            switch actor.kind {
            case .person: FHIR.coding(system: FHIR.securityRole, code: "humanuser", display: "human user")
            case .service, .device:
                FHIR.coding(system: FHIR.dicom, code: "110150", display: "Application")
            }
        let role = actor.role.map { JSONValue.array([FHIR.object(("text", .string($0)))]) }
        let application = FHIR.coding(system: FHIR.dicom, code: "110150", display: "Application")
        let name = "\(entry.source.program) \(entry.source.version)"
        var agents = [
            FHIR.object(
                ("type", FHIR.concept(kind)), ("role", role), ("who", FHIR.reference(identifier: actor.id)),
                ("altId", actor.alternativeID.map { .string($0) }), ("requestor", true),
                ("network", actor.address.map { network($0) })),
            FHIR.object(
                ("type", FHIR.concept(application)),
                ("who", FHIR.reference(identifier: entry.source.program, display: name)),
                ("requestor", false), ("network", network(entry.source.host))),
        ]
        if let recipient = entry.body.recipient {
            let role = FHIR.coding(system: FHIR.dicom, code: "110152", display: "Destination Role ID")
            agents.append(
                FHIR.object(
                    ("type", FHIR.concept(role)), ("who", FHIR.reference(identifier: recipient)),
                    ("requestor", false)))
        }
        return agents
    }

    private static func network(_ address: String) -> JSONValue {
        FHIR.object(
            ("address", .string(address)), ("type", .string(String(NetworkAddress.typeCode(address)))))
    }

    private static func entity(_ object: AuditObject) -> JSONValue {
        let details = (object.details + object.parts.map { ($0.member, $0.identifier.text) }).map { type, value in
            // An empty string is no FHIR string.
            FHIR.object(("type", .string(type)), ("valueString", .string(value.isEmpty ? " " : value)))
        }
        let role = object.role.flatMap { role in
            role.rawValue > 24 ? nil : FHIR.coding(system: FHIR.terminology + "object-role", code: "\(role.rawValue)")
        }
        let lifecycle = object.lifeCycle.map {
            FHIR.coding(system: FHIR.terminology + "dicom-audit-lifecycle", code: "\($0.rawValue)")
        }
        return FHIR.object(
            ("what", FHIR.reference(to: object.identifier, type: object.kind == .person ? "Patient" : nil)),
            (
                "type",
                FHIR.coding(
                    system: FHIR.terminology + "audit-entity-type", code: "\(object.kind.rawValue)")
            ),
            ("role", role), ("lifecycle", lifecycle),
            // A query or a name, never both (constraint sev-1).
            ("name", object.query == nil ? .string(object.name) : nil),
            ("query", object.query.map { .string(Base64.encode($0)) }),
            ("detail", details.isEmpty ? nil : .array(details)))
    }

    private static func coding(_ code: AuditCode) -> JSONValue {
        FHIR.coding(
            system: code.scheme == "DCM" ? FHIR.dicom : FHIR.longview + code.scheme.lowercased(), code: code.value,
            display: code.meaning)
    }
}
