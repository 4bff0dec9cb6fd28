/// Entries as rows of a spreadsheet (RFC 4180).
enum EntryTable {
    static let columns = [
        "index", "time", "type", "outcome", "actor_kind", "actor_id", "actor_alternative_id", "actor_role",
        "actor_address", "source_host", "source_program", "source_version", "source_site", "patient", "study",
        "sop_instance", "accession", "object", "record", "model", "risk", "category", "body", "leaf_hash",
    ]

    /// The cells of an entry's row, in the order of `columns`.
    static func cells(
        of entry: Entry, bytes: [UInt8], index: Int, leaf: MerkleHash, _ projection: EntryProjection
    ) throws -> [String] {
        let objects = try projection.objects(of: entry.body)
        func identifiers(_ isWanted: (AuditObject.Identifier) -> Bool) -> String {
            let all = objects.flatMap { [$0.identifier] + $0.parts.map(\.identifier) }
            return all.filter(isWanted).map(\.text).joined(separator: " ")
        }
        func domain(_ domain: CommitmentDomain) -> String {
            identifiers {
                switch $0 {
                case .plain: false
                case .commitment(_, let other): other == domain
                case .opened(let opening): opening.domain == domain
                }
            }
        }
        let records = ["inference", "refusal", "read", "record", "export"]
        let record = identifiers {
            if case .plain(_, let code) = $0 { records.contains(code.value) } else { false }
        }
        let models = objects.filter { $0.role == .processingElement }.map(\.name).joined(separator: " ")
        var risk = ""
        var category = ""
        if case .inference(let body) = entry.body {
            risk = try DecimalText.encode(body.risk.value)
            category = body.category ?? ""
        }
        let body = try CanonicalJSON.encode(JSONValueEncoder.encode(entry.body.encodable))
        return [
            String(index), entry.time.description, entry.type.rawValue, entry.outcome.rawValue,
            entry.actor.kind.rawValue, entry.actor.id, entry.actor.alternativeID ?? "", entry.actor.role ?? "",
            entry.actor.address ?? "", entry.source.host, entry.source.program, entry.source.version,
            entry.source.site ?? "", domain(.patient), domain(.studyInstanceUID), domain(.sopInstanceUID),
            domain(.accessionNumber), domain(.objectDigest), record, models, risk, category,
            String(decoding: body, as: UTF8.self), leaf.hexadecimal,
        ]
    }

    /// A cell as it is written. One that a spreadsheet would take for a formula gets an apostrophe before it, which
    /// spreadsheets show as text (OWASP, CSV injection).
    static func cell(_ text: String) -> String {
        let isFormula = text.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
        let text = isFormula ? "'" + text : text
        guard text.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
