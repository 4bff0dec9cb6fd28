public import ArgumentParser
import Foundation
public import Ledger
import Store

struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the ledger to a folder that verifies offline.",
        discussion: """
            The folder holds the whole log with its proofs (C2SP tiles), so that `longview audit verify` or another \
            program can check it with nothing but the log's public key (docs/audit.md). Options select the entries for \
            which projections and proofs are added. The export is itself recorded.
            """)

    @Option(help: "The folder to make; one that exists is never replaced.", completion: .directory)
    var output: String

    @Option(help: "Add a projection: csv, ndjson, fhir, atna; may be repeated.")
    var format: [ProjectionFormat] = []

    @Flag(help: "A proof of inclusion for each selected entry.")
    var proofs = false

    @Flag(help: "With what opens the commitments: patients' data. Asks for the clinician's role as well.")
    var openings = false

    @Option(help: "Select entries about this patient ID.")
    var patient: String?

    @Option(help: "Select entries at or after: a date or a time.")
    var since: Moment?

    @Option(help: "Select entries before: a date or a time.")
    var until: Moment?

    @Option(help: "Who it is for, which is recorded.")
    var recipient: String?

    @Option(help: "Why, as a code of HL7's PurposeOfUse, which is recorded.")
    var purpose = "HQUALMGT"

    @Flag(help: "One JSON object.")
    var json = false

    private struct Output: Encodable {
        let folder: String
        let tree_size, entries: Int
        let manifest_sha256: String
    }

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        try await LedgerSettings(settings).settle(store)
        let history = try await store.keyHistory()
        guard let key = try history.logKeys().first else {
            throw Failure("nothing was published yet; run `longview publish --once`")
        }
        let reads = try await settings.openReads(as: .auditor, purpose: purpose)
        var query = TrailQuery()
        query.patientID = patient
        query.since = since?.timestamp
        query.until = until?.timestamp
        var request = ExportRequest(folder: output, query: query)
        request.formats = format
        request.withProofs = proofs
        request.withOpenings = openings
        request.recipient = recipient
        let outcome = try await reads.export(request, policy: history.policy(origin: key.name))
        await reads.close()
        try await store.append(.export(outcome.entry))
        await store.close()
        if json {
            Console.out(
                try JSONLine.text(
                    Output(
                        folder: output, tree_size: outcome.treeSize, entries: outcome.entryCount,
                        manifest_sha256: outcome.manifestSHA256.hexadecimal)))
        } else {
            Console.out("exported  \(outcome.treeSize) entries, \(outcome.entryCount) selected, to \(output)")
            Console.out("verify    longview audit verify \(output) --key \(key)")
        }
    }
}

extension ProjectionFormat: ExpressibleByArgument {}
