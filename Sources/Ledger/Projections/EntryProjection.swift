/// Entries as other systems read them: DICOM PS3.15 A.5 audit messages, FHIR R4 resources, lines and cells.
///
/// A projection follows from the entry, its place in the log and the openings alone. It is for reading; what is proved is
/// the entry.
public struct EntryProjection {
    /// The log's name.
    public var origin: String
    /// What opens a commitment; nil for one that is erased, or not for the reader's eyes.
    public var opening: (Commitment) throws -> CommitmentOpening?

    /// A projection of the log `origin`, which shows the values that `opening` gives, and commitments for the rest.
    public init(
        origin: String, opening: @escaping (Commitment) throws -> CommitmentOpening? = { _ in nil }
    ) {
        self.origin = origin
        self.opening = opening
    }

    /// An entry at its place.
    struct Placed {
        var entry: Entry
        var index: Int
        var leaf: MerkleHash
    }

    /// The identifier for a commitment: its value where that may be seen.
    func identifier(_ commitment: Commitment, _ domain: CommitmentDomain) throws -> AuditObject.Identifier {
        guard let opening = try opening(commitment) else { return .commitment(commitment, domain) }
        guard opening.domain == domain, opening.opens(commitment) else {
            throw LedgerError(
                .malformedCommitment,
                "what was given as the opening of commitment \(commitment.hash.hexadecimal) does not open it")
        }
        return .opened(opening)
    }

    /// What the event was about, the entry itself last.
    func objects(of placed: Placed) throws -> [AuditObject] {
        let name = "\(origin)#\(placed.index)"
        let ledgerEntry = AuditObject(
            identifier: .plain(name, .longview("ledger-entry", "Entry of a transparency log")),
            role: .securityResource, lifeCycle: .creation, name: name,
            details: [("type", placed.entry.type.rawValue), ("leaf_hash", placed.leaf.hexadecimal)])
        return try objects(of: placed.entry.body) + [ledgerEntry]
    }

    /// The patient; an identifier alone, never a name.
    func patient(_ commitment: Commitment?, _ lifeCycle: AuditObject.LifeCycle) throws -> [AuditObject] {
        guard let commitment else { return [] }
        return [
            AuditObject(
                identifier: try identifier(commitment, .patient), kind: .person, role: .patient, lifeCycle: lifeCycle,
                name: "patient")
        ]
    }

    /// The study with its parts, and the object.
    func image(
        object: Commitment, picture: Commitment? = nil, study: Commitment?, series: Commitment? = nil,
        sopInstance: Commitment?, accession: Commitment? = nil, lifeCycle: AuditObject.LifeCycle,
        details: [(type: String, value: String)] = []
    ) throws -> [AuditObject] {
        let parts: [(String, Commitment?, CommitmentDomain)] = [
            ("series", series, .seriesInstanceUID), ("sop_instance", sopInstance, .sopInstanceUID),
            ("accession", accession, .accessionNumber),
        ]
        let known = try parts.compactMap { member, commitment, domain in
            try commitment.map { (member: member, identifier: try identifier($0, domain)) }
        }
        var image = AuditObject(
            identifier: try identifier(object, .objectDigest), role: .report, lifeCycle: lifeCycle, name: "object",
            details: details)
        if let picture { image.details.append(("picture", try identifier(picture, .pictureDigest).text)) }
        guard let study else {
            image.parts = known
            return [image]
        }
        let whole = AuditObject(
            identifier: try identifier(study, .studyInstanceUID), role: .report, lifeCycle: lifeCycle, name: "study",
            parts: known)
        return [whole, image]
    }

    /// A record of Longview's own.
    func record(
        _ id: String, _ what: String, _ lifeCycle: AuditObject.LifeCycle,
        details: [(type: String, value: String)] = []
    ) -> AuditObject {
        AuditObject(
            identifier: .plain(id, .longview(what, "Longview \(what)")), role: .report, lifeCycle: lifeCycle,
            name: "\(what) \(id)", details: details)
    }

    func model(
        _ model: ModelReference, _ lifeCycle: AuditObject.LifeCycle = .use,
        details: [(type: String, value: String)] = []
    ) -> AuditObject {
        AuditObject(
            identifier: .plain(model.digest.hexadecimal, .longview("model", "SHA-256 of a model")),
            role: .processingElement, lifeCycle: lifeCycle, name: model.label, details: details)
    }

    /// A thing of the system's: a setting, a key.
    func resource(
        _ id: String, _ what: String, _ lifeCycle: AuditObject.LifeCycle, _ details: [(type: String, value: String)]
    ) -> AuditObject {
        AuditObject(
            identifier: .plain(id, .longview(what, "Longview \(what)")), role: .securityResource, lifeCycle: lifeCycle,
            name: id, details: details)
    }
}

extension ModelReference {
    /// Name and version, for people.
    var label: String { "\(name)@\(version)" }
}
