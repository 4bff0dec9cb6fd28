extension EntryProjection {
    /// What an event of each type was about. One case a type: long, and nothing else.
    func objects(of body: EntryBody) throws -> [AuditObject] {
        switch body {
        case .intake(let body):
            return try patient(body.patient, .importOrCopy)
                + image(
                    object: body.object, study: body.study, series: body.series, sopInstance: body.sopInstance,
                    accession: body.accession, lifeCycle: .importOrCopy,
                    details: [
                        ("kind", body.kind), ("via", body.via.rawValue), ("byte_count", String(body.byteCount)),
                        ("is_duplicate", String(body.isDuplicate)),
                    ] + present(("sop_class_uid", body.sopClassUID), ("transfer_syntax_uid", body.transferSyntaxUID)))
        case .refusal(let body):
            return try patient(body.patient, .use)
                + image(object: body.object, study: body.study, sopInstance: body.sopInstance, lifeCycle: .use)
                + [
                    record(
                        body.refusalID, "refusal", .creation,
                        details: [("stage", body.stage), ("code", body.code), ("message", body.message)]),
                    model(body.model),
                ]
        case .inference(let body):
            return try patient(body.patient, .use)
                + image(
                    object: body.object, picture: body.picture, study: body.study, sopInstance: body.sopInstance,
                    accession: body.accession, lifeCycle: .use)
                + [
                    record(
                        body.inferenceID, "inference", .derivation,
                        details: [("risk", try DecimalText.encode(body.risk.value))]
                            + present(("category", body.category)) + body.flags.map { ("flag", $0) }),
                    model(body.model),
                ]
        case .replay(let body):
            return [
                record(
                    body.inferenceID, "inference", .verification, details: [("is_match", String(body.isMatch))]),
                model(body.model),
            ]
        case .modelImport(let body): return [model(body, .importOrCopy)]
        case .modelActivate(let body), .modelShadow(let body): return [model(body, .use)]
        case .modelRetire(let body): return [model(body, .logicalDeletion)]
        case .configurationChange(let body):
            return body.settings.map {
                resource(
                    $0.name, "setting", .amendment,
                    present(("before", $0.before), ("after", $0.after)) + [("is_secret", String($0.isSecret))])
            }
        case .read(let body): return try objects(of: body)
        case .review(let body):
            let note = try body.note.map { ("note", try identifier($0, .freeText).text) }
            return try patient(body.patient, .use)
                + [record(body.inferenceID, "inference", .verification, details: note.map { [$0] } ?? [])]
        case .report(let body):
            return try patient(body.patient, .report) + [
                record(body.inferenceID, "inference", .report),
                AuditObject(
                    identifier: try identifier(body.report, .reportDigest), role: .report, lifeCycle: .report,
                    name: "report",
                    details: [("format", body.format), ("byte_count", String(body.byteCount))]),
            ]
        case .export(let body):
            return [
                record(
                    body.exportID, "export", .export,
                    details: [
                        ("formats", body.formats.joined(separator: " ")), ("tree_size", String(body.treeSize)),
                        ("entry_count", String(body.entryCount)), ("with_openings", String(body.withOpenings)),
                        ("manifest_sha256", body.manifestSHA256.hexadecimal),
                    ])
            ]
        case .erasure(let body):
            var objects = try patient(body.patient, .erasure)
            objects[0].details = [
                ("reason", body.reason), ("opening_count", String(body.openingCount)),
                ("object_count", String(body.objectCount)), ("picture_count", String(body.pictureCount)),
                ("inference_count", String(body.inferenceCount)),
            ]
            return objects
        case .keyRotation(let body):
            let details = [("role", body.role)] + present(("reason", body.reason))
            return (body.introduced.map { [resource($0, "verifier-key", .creation, details)] } ?? [])
                + (body.retired.map { [resource($0, "verifier-key", .logicalDeletion, details)] } ?? [])
        case .start(let body):
            let digest = body.configurationSHA256?.hexadecimal
            return [
                resource(
                    body.component, "component", .use,
                    [("process_id", String(body.processID))]
                        + present(
                            ("engine_version", body.engineVersion), ("kernels", body.kernels),
                            ("configuration_sha256", digest)))
            ]
        case .stop(let body):
            return [
                resource(
                    body.component, "component", .use,
                    [("process_id", String(body.processID)), ("reason", body.reason)])
            ]
        case .migration(let body):
            return [
                resource(
                    body.name, "migration", .amendment,
                    [("number", String(body.number)), ("sha256", body.sha256.hexadecimal)])
            ]
        }
    }

    private func model(_ body: ModelEntry, _ lifeCycle: AuditObject.LifeCycle) -> AuditObject {
        model(
            body.model, lifeCycle,
            details: present(
                ("weights_sha256", body.weightsSHA256?.hexadecimal), ("source_sha256", body.sourceSHA256?.hexadecimal),
                ("previous", body.previous.map { "\($0.label) \($0.digest.hexadecimal)" }), ("reason", body.reason)))
    }

    private func objects(of body: ReadEntry) throws -> [AuditObject] {
        // What was asked, as it stands in the entry: a commitment in it stays one.
        var question = JSONObject()
        question["question"] = .string(body.question)
        question["criteria"] = try JSONValueEncoder.encode(body.criteria)
        let query = AuditObject(
            identifier: .plain(body.readID, .longview("read", "Longview read")), role: .query, lifeCycle: .use,
            name: "read \(body.readID)", query: try CanonicalJSON.encode(.object(question)),
            details: [
                ("is_granted", String(body.isGranted)), ("record_count", String(body.recordCount)),
                ("part", "\(body.part) of \(body.parts)"),
            ] + present(("denial", body.denial)))
        return try [query] + body.patients.flatMap { try patient($0, .use) }
            + body.records.map { record($0, "record", .use) }
    }

    private func present(_ pairs: (type: String, value: String?)...) -> [(type: String, value: String)] {
        pairs.compactMap { type, value in value.map { (type, $0) } }
    }
}

extension EntryBody {
    /// Why it was asked for, in HL7's PurposeOfUse.
    var purpose: String? {
        switch self {
        case .read(let body): body.purpose
        case .export(let body): body.purpose
        default: nil
        }
    }

    /// Who got something out of it, other than the actor.
    var recipient: String? {
        switch self {
        case .report(let body): body.destination
        case .export(let body): body.recipient
        default: nil
        }
    }

    /// Why it was not done.
    var failure: String? {
        switch self {
        case .refusal(let body): "\(body.code): \(body.message)"
        case .read(let body): body.denial
        default: nil
        }
    }
}
