/// Writes entries in one form, one after another, in constant memory.
public struct ProjectionWriter {
    private let format: ProjectionFormat
    private let projection: EntryProjection
    private let output: (_ file: Int, _ bytes: [UInt8]) throws -> Void

    /// A writer that has written what stands before the first entry.
    /// - Parameter output: gets the bytes for the file at that place in `format.fileNames`.
    /// - Throws: what `output` throws.
    public init(
        _ format: ProjectionFormat, projection: EntryProjection,
        output: @escaping (_ file: Int, _ bytes: [UInt8]) throws -> Void
    ) throws {
        self.format = format
        self.projection = projection
        self.output = output
        switch format {
        case .csv: try output(0, Array((EntryTable.columns.joined(separator: ",") + "\r\n").utf8))
        case .atna: try output(0, Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AuditMessages>\n".utf8))
        case .ndjson, .fhir: break
        }
    }

    /// Writes an entry.
    /// - Throws: ``LedgerError`` where the bytes are no entry that this build knows; what `output` and the projection's
    ///   openings throw.
    public func write(_ bytes: [UInt8], index: Int) throws {
        let leaf = MerkleTree.leafHash(bytes)
        if format == .ndjson {
            // The entry's own bytes, not a copy of what they say.
            let head = "{\"entry\":"
            let tail = ",\"index\":\(index),\"leaf_hash\":\"\(leaf.hexadecimal)\"}\n"
            return try output(0, Array(head.utf8) + bytes + Array(tail.utf8))
        }
        let entry = try Self.entry(bytes, index: index)
        switch format {
        case .ndjson: break
        case .csv:
            let cells = try EntryTable.cells(of: entry, bytes: bytes, index: index, leaf: leaf, projection)
            try output(0, Array((cells.map(EntryTable.cell).joined(separator: ",") + "\r\n").utf8))
        case .fhir:
            try line(projection.auditEvent(entry, index: index, leaf: leaf), file: 0)
            if let assessment = try projection.riskAssessment(entry, index: index) { try line(assessment, file: 1) }
        case .atna:
            try output(0, Array((projection.auditMessage(entry, index: index, leaf: leaf) + "\n").utf8))
        }
    }

    /// Writes what stands after the last entry.
    /// - Throws: what `output` throws.
    public func finish() throws {
        if format == .atna { try output(0, Array("</AuditMessages>\n".utf8)) }
    }

    private func line(_ object: JSONObject, file: Int) throws {
        try output(file, CanonicalJSON.encode(.object(object)) + [0x0A])
    }

    private static func entry(_ bytes: [UInt8], index: Int) throws -> Entry {
        do {
            return try Entry(canonicalBytes: bytes)
        } catch let error as LedgerError {
            throw LedgerError(error.code, "entry \(index) can't be projected: \(error.message)")
        }
    }
}
