import ArgumentParser
import Foundation
import Postgres
import Store

struct Scores: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find recorded scores, newest first; or refusals, with their reasons.")

    @Option(help: "Patient ID, as the radiograph has it.")
    var patient: String?

    @Option(help: "Accession number.")
    var accession: String?

    @Option(help: "Study instance UID.")
    var study: String?

    @Option(help: "Recorded at or after: a date (2026-11-23) or a time (2026-11-23T09:00:00Z).")
    var since: Moment?

    @Option(help: "Recorded before: a date or a time.")
    var until: Moment?

    @Option(help: "Category, as the model names it.")
    var category: String?

    @Flag(help: "What got no score, and why, instead of scores.")
    var refused = false

    @Option(help: "At most so many.")
    var limit = 50

    @OptionGroup var purpose: PurposeOption

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if refused && category != nil { throw ValidationError("what was refused has no category") }
    }

    func run() async throws {
        let reads = try await Settings().openReads(as: .clinician, purpose: purpose.code)
        var query = InferenceQuery(limit: limit)
        query.patientID = patient
        query.accessionNumber = accession
        query.studyInstanceUID = study
        query.since = since?.timestamp
        query.until = until?.timestamp
        query.category = category
        if refused {
            let refusals = try await reads.refusals(query)
            await reads.close()
            return try show(refusals)
        }
        let found = try await reads.inferences(query)
        await reads.close()
        try show(found)
    }

    private func show(_ found: [StoredInference]) throws {
        if output.json {
            for inference in found { Console.out(try JSONLine.text(InferenceEntry(inference))) }
            return
        }
        var table = Table([
            "TIME", "RISK", "CATEGORY", "MODEL", "PATIENT", "ACCESSION", "STUDY DATE", "NOTES", "INFERENCE",
        ])
        for inference in found {
            let record = inference.record
            table.add([
                output.time(inference.createdAt), record.risk.formatted(decimals: 4), record.category ?? "",
                "\(record.modelName)@\(record.modelVersion)", record.object.patientID ?? "",
                record.object.accessionNumber ?? "", record.object.studyDate ?? "",
                record.flags.joined(separator: ", "), inference.id.uuidString.lowercased(),
            ])
        }
        for line in output.csv ? table.csv : table.lines { Console.out(line) }
        if !output.csv {
            for line in Trend.lines(found) { Console.out(line) }
        }
        if found.isEmpty { Console.note("no score matches") }
        if found.count == limit { Console.note("the newest \(limit); --limit shows more") }
    }

    private func show(_ found: [StoredRefusal]) throws {
        if output.json {
            for refusal in found { Console.out(try JSONLine.text(RefusalEntry(refusal))) }
            return
        }
        var table = Table([
            "TIME", "STEP", "REASON", "MODEL", "PATIENT", "ACCESSION", "STUDY DATE", "MEANING", "OBJECT",
        ])
        for refusal in found {
            let record = refusal.record
            table.add([
                output.time(refusal.createdAt), record.stage.rawValue, record.code,
                "\(refusal.modelName)@\(refusal.modelVersion)", record.object.patientID ?? "",
                record.object.accessionNumber ?? "", record.object.studyDate ?? "", record.message,
                record.object.sha256,
            ])
        }
        for line in output.csv ? table.csv : table.lines { Console.out(line) }
        if found.isEmpty { Console.note("no refusal matches") }
        if found.count == limit { Console.note("the newest \(limit); --limit shows more") }
    }
}

/// How one patient's risk by one model went over time.
private enum Trend {
    /// A line for each patient and model with scores of more than one study.
    static func lines(_ inferences: [StoredInference]) -> [String] {
        struct Series: Hashable { var patient, issuer, model: String }
        var series: [Series: [StoredInference]] = [:]
        for inference in inferences where inference.record.views == .profile {
            guard let patient = inference.record.object.patientID, inference.record.object.studyDate != nil else {
                continue
            }
            let key = Series(
                patient: patient, issuer: inference.record.object.issuerOfPatientID ?? "",
                model: "\(inference.record.modelName)@\(inference.record.modelVersion)")
            series[key, default: []].append(inference)
        }
        return series.sorted { ($0.key.patient, $0.key.model) < ($1.key.patient, $1.key.model) }.compactMap {
            key, values in
            // By study date; the newest inference of a study speaks for it.
            let byStudy = Dictionary(
                values.map { ($0.record.object.studyInstanceUID ?? $0.record.object.sha256, $0) },
                uniquingKeysWith: { a, _ in a })
            let ordered = byStudy.values.sorted { $0.record.object.studyDate! < $1.record.object.studyDate! }
            guard ordered.count > 1 else { return nil }
            let points = ordered.map { "\($0.record.object.studyDate!) \($0.record.risk.formatted(decimals: 4))" }
            let change = ordered.last!.record.risk - ordered.first!.record.risk
            let sign = change < 0 ? "" : "+"
            return "trend  \(key.patient)  \(key.model)  \(points.joined(separator: " → "))"
                + "  (\(sign)\(change.formatted(decimals: 4)))"
        }
    }
}

/// A moment on the command line: a date, or a time by RFC 3339.
struct Moment: ExpressibleByArgument {
    let timestamp: Timestamp

    init?(argument: String) {
        let text = argument.contains("T") ? argument : argument + "T00:00:00Z"
        guard let timestamp = Timestamp(rfc3339: text) else { return nil }
        self.timestamp = timestamp
    }
}

/// Why somebody looks at records.
struct PurposeOption: ParsableArguments {
    @Option(
        name: .customLong("purpose"),
        help: "Why you look, as a code of HL7's PurposeOfUse, which is recorded: TREAT, ETREAT, HRESCH, HQUALMGT…")
    var code = "TREAT"
}
