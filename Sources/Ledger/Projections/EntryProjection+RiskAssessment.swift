/// HL7 FHIR R4 RiskAssessment.
extension EntryProjection {
    /// The RiskAssessment of an inference's entry; nil for every other one.
    ///
    /// `probabilityDecimal` is a percentage, as R4 has it; the entry holds the number with all its bits.
    /// - Throws: ``LedgerError``, or what `opening` throws.
    public func riskAssessment(_ entry: Entry, index: Int) throws -> JSONObject? {
        guard case .inference(let body) = entry.body else { return nil }
        var assessment = JSONObject()
        assessment["resourceType"] = "RiskAssessment"
        assessment["identifier"] = [
            FHIR.object(("system", "urn:ietf:rfc:3986"), ("value", .string("urn:uuid:" + body.inferenceID))),
            FHIR.object(("system", "urn:longview:ledger-entry"), ("value", .string("\(origin)#\(index)"))),
        ]
        assessment["status"] = "final"
        assessment["subject"] = try subject(body.patient)
        assessment["occurrenceDateTime"] = .string(entry.time.description)
        let model = body.model
        assessment["method"] = FHIR.object(
            (
                "coding",
                [
                    FHIR.object(
                        ("system", "urn:longview:model"), ("version", .string(model.version)),
                        ("code", .string(model.digest.hexadecimal)), ("display", .string(model.name)))
                ]
            ), ("text", .string("\(model.label), SHA-256 \(model.digest.hexadecimal)")))
        assessment["performer"] = FHIR.object(
            ("type", "Device"),
            (
                "display",
                .string(
                    "\(entry.source.program) \(entry.source.version), engine \(body.engineVersion), \(body.kernels)")
            ))
        assessment["basis"] = .array(try basis(body))
        assessment["prediction"] = [
            FHIR.object(
                ("probabilityDecimal", .number(try Self.percentage(body.risk))),
                ("qualitativeRisk", body.category.map { FHIR.object(("text", .string($0))) }))
        ]
        if !body.flags.isEmpty {
            assessment["note"] = .array(body.flags.map { FHIR.object(("text", .string("flag: \($0)"))) })
        }
        return assessment
    }

    /// The patient, or word that none was named: the subject is mandatory.
    private func subject(_ patient: Commitment?) throws -> JSONValue {
        guard let patient else {
            let absent = FHIR.object(
                ("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason"), ("valueCode", "unknown"))
            return FHIR.object(("extension", [absent]))
        }
        return FHIR.reference(to: try identifier(patient, .patient), type: "Patient")
    }

    private func basis(_ body: InferenceEntry) throws -> [JSONValue] {
        let study = try body.study.map {
            FHIR.reference(to: try identifier($0, .studyInstanceUID), type: "ImagingStudy")
        }
        let instance = try body.sopInstance.map { FHIR.reference(to: try identifier($0, .sopInstanceUID)) }
        let accession = try body.accession.map { FHIR.reference(to: try identifier($0, .accessionNumber)) }
        let object = FHIR.reference(to: try identifier(body.object, .objectDigest))
        let picture = FHIR.reference(to: try identifier(body.picture, .pictureDigest))
        return [study, instance, accession, object, picture].compactMap { $0 }
    }

    /// A risk of 0…1 in per cent, by moving the decimal point of its text: 0.28 is 28, not 28.000000000000004.
    static func percentage(_ risk: DecimalDouble) throws -> Double {
        let parts = try DecimalText.encode(risk.value).split(separator: "e")
        let exponent = (parts.count > 1 ? Int(parts[1])! : 0) + 2
        return Double("\(parts[0])e\(exponent)")!
    }
}
