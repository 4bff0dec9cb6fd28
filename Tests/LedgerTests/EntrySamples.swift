@testable import Ledger

/// An entry of each type, with every member that the type has where `isFull`, and only the required ones otherwise.
enum EntrySamples {
    static let types = EntryType.allCases

    static func entry(_ type: EntryType, isFull: Bool = true) throws -> Entry {
        Entry(
            time: try EntryTime("2026-03-01T09:05:00.000123Z"),
            actor: EntryActor(
                kind: isFull ? .person : .service, id: isFull ? "dr.osei" : "worker",
                alternativeID: isFull ? "uid=1042" : nil,
                role: isFull ? "longview_clinician" : nil, address: isFull ? "10.1.2.3" : nil),
            source: EntrySource(
                host: "reading-room-3", program: "longview", version: "0.1.0", site: isFull ? "St. Élian" : nil),
            outcome: type == .refusal ? .minorFailure : .success, body: try body(type, isFull: isFull))
    }

    private static let salt = (0..<32).map { UInt8($0) }
    private static let id = "0195512f-7a3c-7def-8a55-0123456789ab"
    private static let digest = MerkleTree.emptyRoot
    private static let model = ModelReference(name: "cxr-risk", version: "1.0.0", digest: digest)

    private static func commitment(_ domain: CommitmentDomain, _ text: String = "1.2.840.99999.1") throws -> Commitment
    {
        try CommitmentOpening(domain: domain, salt: salt, text: text).commitment
    }

    // One case a type: long, and nothing else.
    private static func body(_ type: EntryType, isFull: Bool) throws -> EntryBody {
        let object = try CommitmentOpening(domain: .objectDigest, salt: salt, digest: digest).commitment
        let picture = try CommitmentOpening(domain: .pictureDigest, salt: salt, digest: digest).commitment
        let patient = try CommitmentOpening(patientID: "P-1", issuer: "GH", salt: salt).commitment
        let sopInstance = isFull ? try commitment(.sopInstanceUID) : nil
        let study = isFull ? try commitment(.studyInstanceUID) : nil
        let series = isFull ? try commitment(.seriesInstanceUID) : nil
        let accession = isFull ? try commitment(.accessionNumber, "A1") : nil
        let knownPatient = isFull ? patient : nil
        let text = isFull ? "scheduled" : nil
        let knownDigest = isFull ? digest : nil
        switch type {
        case .intake:
            return .intake(
                IntakeEntry(
                    object: object, byteCount: 8_654_321, kind: "dicom", via: .dicom, isDuplicate: false,
                    transferSyntaxUID: isFull ? "1.2.840.10008.1.2.1" : nil,
                    sopClassUID: isFull ? "1.2.840.10008.5.1.4.1.1.1.1" : nil, sopInstance: sopInstance, series: series,
                    study: study, patient: knownPatient, accession: accession, callingAETitle: isFull ? "XRAY1" : nil,
                    calledAETitle: isFull ? "LONGVIEW" : nil))
        case .refusal:
            return .refusal(
                RefusalEntry(
                    refusalID: id, object: object, sopInstance: sopInstance, study: study, patient: knownPatient,
                    model: model, stage: "gate", code: "lateral_view", message: "a lateral view has no score",
                    gateSHA256: knownDigest))
        case .inference:
            return .inference(
                InferenceEntry(
                    inferenceID: id, object: object, picture: picture, sopInstance: sopInstance, study: study,
                    patient: knownPatient, accession: accession, model: model, profileSHA256: digest,
                    renderingSHA256: digest, gateSHA256: digest, views: "profile",
                    viewWeights: [0.25, 0.75].map(DecimalDouble.init),
                    viewRisks: [0.1, 1.0 / 3].map(DecimalDouble.init),
                    logits: [-0.0, 1.5, -3.4028235e38, .leastNonzeroMagnitude].map(DecimalFloat.init),
                    risk: DecimalDouble(0.275),
                    category: isFull ? "high" : nil, flags: isFull ? ["age_unknown", "multi_frame"] : [],
                    decodeMS: DecimalDouble(41.25), renderMS: DecimalDouble(12), scoreMS: DecimalDouble(310.0625),
                    engineVersion: "1", kernels: "avx512"))
        case .replay:
            return .replay(
                ReplayEntry(
                    inferenceID: id, model: model, isMatch: !isFull, logits: isFull ? [DecimalFloat(0.1)] : nil,
                    risk: isFull ? DecimalDouble(0.1) : nil, engineVersion: "1", kernels: "portable"))
        case .modelImport, .modelActivate, .modelShadow, .modelRetire:
            let entry = ModelEntry(
                model: model, weightsSHA256: knownDigest, sourceSHA256: knownDigest, previous: isFull ? model : nil,
                reason: text)
            switch type {
            case .modelImport: return .modelImport(entry)
            case .modelActivate: return .modelActivate(entry)
            case .modelShadow: return .modelShadow(entry)
            default: return .modelRetire(entry)
            }
        case .configurationChange:
            return .configurationChange(
                ConfigurationEntry(
                    settings: isFull
                        ? [
                            .init(name: "retries", before: "5", after: "10"),
                            .init(name: "site", before: nil, after: "GH"),
                            .init(name: "smtp_password", before: "x", after: "y", isSecret: true),
                        ] : []))
        case .read:
            return .read(
                ReadEntry(
                    readID: id, purpose: "TREAT", question: "scores",
                    criteria: isFull
                        ? [
                            Criterion(name: "patient", commitment: patient),
                            Criterion(name: "since", value: "2026-01-01T00:00:00.000000Z"),
                        ] : [],
                    isGranted: isFull, denial: isFull ? nil : "role_lacks_scores", patients: isFull ? [patient] : [],
                    records: isFull ? [id, id] : [], recordCount: isFull ? 2 : 0, part: 1, parts: 1))
        case .review:
            return .review(
                ReviewEntry(
                    inferenceID: id, patient: knownPatient, note: isFull ? try commitment(.freeText, "seen") : nil))
        case .report:
            return .report(
                ReportEntry(
                    inferenceID: id, patient: knownPatient,
                    report: try CommitmentOpening(domain: .reportDigest, salt: salt, digest: digest).commitment,
                    format: "pdf", byteCount: 90_210, destination: isFull ? "pacs" : nil))
        case .export:
            return .export(
                ExportEntry(
                    exportID: id, purpose: "HOPERAT", formats: ["bundle", "fhir"],
                    criteria: isFull ? [Criterion(name: "since", value: "2026-01-01T00:00:00.000000Z")] : [],
                    treeSize: 1_000_000, entryCount: 1200, withOpenings: isFull, manifestSHA256: digest,
                    recipient: isFull ? "auditor@example.org" : nil))
        case .erasure:
            return .erasure(
                ErasureEntry(
                    patient: patient, reason: "gdpr_article_17", openingCount: 12, objectCount: 3, pictureCount: 3,
                    inferenceCount: 3))
        case .keyRotation:
            return .keyRotation(
                KeyRotationEntry(
                    role: "log", introduced: isFull ? TestKeys.log.verifier.description : nil,
                    retired: isFull ? TestKeys.otherLog.verifier.description : nil, reason: text))
        case .start:
            return .start(
                StartEntry(
                    component: "worker", processID: 4711, engineVersion: isFull ? "1" : nil,
                    kernels: isFull ? "avx2" : nil, configurationSHA256: knownDigest))
        case .stop: return .stop(StopEntry(component: "worker", processID: 4711, reason: "requested"))
        case .migration: return .migration(MigrationEntry(number: 2, name: "ledger", sha256: digest))
        }
    }
}

extension EntrySamples {
    /// Each type, full and minimal by turns.
    static func all() throws -> [Entry] {
        try types.flatMap { [try entry($0), try entry($0, isFull: false)] }
    }

    /// What opens the samples' commitments; the patient's first.
    static func openings() throws -> [CommitmentOpening] {
        let salt = (0..<32).map { UInt8($0) }
        let digest = MerkleTree.emptyRoot
        let uids = try [CommitmentDomain.sopInstanceUID, .studyInstanceUID, .seriesInstanceUID].map {
            try CommitmentOpening(domain: $0, salt: salt, text: "1.2.840.99999.1")
        }
        let digests = try [CommitmentDomain.objectDigest, .pictureDigest, .reportDigest].map {
            try CommitmentOpening(domain: $0, salt: salt, digest: digest)
        }
        return try [CommitmentOpening(patientID: "P-1", issuer: "GH", salt: salt)] + uids + digests + [
            CommitmentOpening(domain: .accessionNumber, salt: salt, text: "A1"),
            CommitmentOpening(domain: .freeText, salt: salt, text: "seen"),
        ]
    }
}
