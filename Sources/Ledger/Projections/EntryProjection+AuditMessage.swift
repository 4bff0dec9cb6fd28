/// DICOM PS3.15 A.5 audit messages.
extension EntryProjection {
    /// The entry's AuditMessage, without an XML declaration and on one line.
    /// - Throws: ``LedgerError``, or what `opening` throws.
    public func auditMessage(_ entry: Entry, index: Int, leaf: MerkleHash) throws -> String {
        let placed = Placed(entry: entry, index: index, leaf: leaf)
        let message = XMLElement("AuditMessage") { message in
            message.append(Self.event(entry))
            message.append(Self.actor(entry))
            message.append(Self.application(entry))
            if let recipient = entry.body.recipient {
                message.append(
                    Self.participant(id: recipient, role: .dcm("110152", "Destination Role ID"), isRequestor: false))
            }
            message.append(
                XMLElement("AuditSourceIdentification") { source in
                    source["AuditEnterpriseSiteID"] = entry.source.site
                    source["AuditSourceID"] = entry.source.host
                    // 4: an application's server process.
                    source.append(XMLElement("AuditSourceTypeCode") { $0["csd-code"] = "4" })
                })
        }
        var whole = message
        for object in try objects(of: placed) { whole.append(Self.element(of: object)) }
        return whole.text
    }

    private static func event(_ entry: Entry) -> XMLElement {
        XMLElement("EventIdentification") { event in
            event["EventActionCode"] = entry.type.actionCode
            event["EventDateTime"] = entry.time.description
            event["EventOutcomeIndicator"] = String(entry.outcome.indicator)
            event.append(XMLElement("EventID", AuditCode(entry.type.eventID)))
            if let code = entry.type.eventTypeCode { event.append(XMLElement("EventTypeCode", AuditCode(code))) }
            // A.5.2's purpose of use travels as a further type of the event: the schema has no element of its own.
            if let purpose = entry.body.purpose {
                event.append(
                    XMLElement(
                        "EventTypeCode",
                        AuditCode(value: purpose, scheme: "2.16.840.1.113883.5.8", meaning: purpose)))
            }
            if let failure = entry.body.failure, entry.outcome != .success {
                event.append(XMLElement("EventOutcomeDescription", text: failure))
            }
        }
    }

    private static func actor(_ entry: Entry) -> XMLElement {
        let actor = entry.actor
        // What the event's table in A.5.3 calls the one who began it.
        let role: AuditCode? =
            switch entry.body {
            case .intake, .read: .dcm("110153", "Source Role ID")
            case .start, .stop: .dcm("110151", "Application Launcher")
            default: nil
            }
        var element = participant(
            id: actor.id, alternative: actor.alternativeID, role: role, isRequestor: true, address: actor.address)
        if let name = actor.role {
            element.append(XMLElement("RoleIDCode", .longview(name, name)))
        }
        return element
    }

    private static func application(_ entry: Entry) -> XMLElement {
        let role: AuditCode =
            switch entry.body {
            case .intake, .read: .dcm("110152", "Destination Role ID")
            default: .dcm("110150", "Application")
            }
        var element = participant(
            id: entry.source.program, role: role, isRequestor: false, address: entry.source.host)
        element["UserName"] = "\(entry.source.program) \(entry.source.version)"
        return element
    }

    private static func participant(
        id: String, alternative: String? = nil, role: AuditCode?, isRequestor: Bool, address: String? = nil
    ) -> XMLElement {
        XMLElement("ActiveParticipant") { participant in
            participant["UserID"] = id
            participant["AlternativeUserID"] = alternative
            participant["UserIsRequestor"] = String(isRequestor)
            participant["NetworkAccessPointID"] = address
            participant["NetworkAccessPointTypeCode"] = address.map { String(NetworkAddress.typeCode($0)) }
            if let role { participant.append(XMLElement("RoleIDCode", role)) }
        }
    }

    private static func element(of object: AuditObject) -> XMLElement {
        XMLElement("ParticipantObjectIdentification") { element in
            element["ParticipantObjectID"] = object.identifier.text
            element["ParticipantObjectTypeCode"] = String(object.kind.rawValue)
            element["ParticipantObjectTypeCodeRole"] = object.role.map { String($0.rawValue) }
            element["ParticipantObjectDataLifeCycle"] = object.lifeCycle.map { String($0.rawValue) }
            element.append(XMLElement("ParticipantObjectIDTypeCode", object.identifier.code))
            if let query = object.query {
                element.append(XMLElement("ParticipantObjectQuery", text: Base64.encode(query)))
            } else {
                element.append(XMLElement("ParticipantObjectName", text: object.name))
            }
            for (type, value) in object.details + object.parts.map({ ($0.member, $0.identifier.text) }) {
                element.append(
                    XMLElement("ParticipantObjectDetail") { detail in
                        detail["type"] = type
                        detail["value"] = Base64.encode(Array(value.utf8))
                    })
            }
            if let description = description(of: object) { element.append(description) }
        }
    }

    /// Where readers of the standard look for accession number and instances; opened values only.
    private static func description(of object: AuditObject) -> XMLElement? {
        func opened(_ domain: CommitmentDomain) -> String? {
            for case (_, .opened(let opening)) in object.parts where opening.domain == domain { return opening.text }
            return nil
        }
        let accession = opened(.accessionNumber)
        let instance = opened(.sopInstanceUID)
        guard accession != nil || instance != nil else { return nil }
        return XMLElement("ParticipantObjectDescription") { description in
            if let accession { description.append(XMLElement("Accession") { $0["Number"] = accession }) }
            guard let instance else { return }
            description.append(
                XMLElement("SOPClass") { sopClass in
                    sopClass["NumberOfInstances"] = "1"
                    sopClass.append(XMLElement("Instance") { $0["UID"] = instance })
                })
        }
    }
}

/// The kinds of addresses that A.5 and FHIR tell apart.
enum NetworkAddress {
    /// 2 for an IP address, 1 for a machine's name.
    static func typeCode(_ address: String) -> Int {
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        let isIPv6 =
            address.contains(":")
            && address.utf8.allSatisfy { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || isHexadecimal($0) }
        return isIPv4 || isIPv6 ? 2 : 1
    }

    private static func isHexadecimal(_ digit: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(digit | 0x20)
    }
}
