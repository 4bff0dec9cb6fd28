import Decoding
import Foundation
import Inference
import Scoring
import Store

/// Prints the outcome of each file of `score`, and a summary.
struct ScoreReport {
    /// What came of one file.
    enum Result: Sendable {
        case outcome(RecordedScoring.Outcome)
        /// The file could not be read.
        case unreadable(String)
    }

    private(set) var scored = 0
    private(set) var duplicates = 0
    private(set) var refused = 0
    private(set) var failed = 0
    var done: Int { scored + duplicates + refused + failed }

    private let model: ModelPackage
    private let output: OutputOptions
    private let start = ContinuousClock.now
    private var progress: Progress
    private static let headings = ["STATUS", "RISK", "CATEGORY", "INFERENCE", "FILE", "NOTES"]
    private let widths: [Int]

    init(model: ModelPackage, output: OutputOptions, total: Int) {
        self.model = model
        self.output = output
        progress = Progress(total: total)
        let category = model.description.categories.categories.map(\.name.count).max() ?? 0
        widths = [9, 6, max(8, category), 36, 0, 0]
    }

    /// What the scores mean, then the headings.
    func begin() {
        guard !output.json else { return }
        let description = model.description
        Console.note("\(description.name)@\(description.version): risk of \(description.endpoint.text)")
        Console.note("not for: \(description.card.notFor)")
        Console.out(output.csv ? Table.csv(Self.headings) : Console.bold(line(Self.headings)))
    }

    /// Prints the outcome of `file`.
    mutating func add(file: String, _ result: Result) {
        switch result {
        case .unreadable: failed += 1
        case .outcome(let outcome):
            switch outcome.status {
            case .scored: scored += 1
            case .duplicate: duplicates += 1
            case .refused: refused += 1
            }
        }
        Progress.erase()
        let entry = ScoreEntry(file: file, result, model: model)
        if output.json {
            Console.out((try? JSONLine.text(entry)) ?? "{}")
        } else {
            let row = [
                entry.status, entry.risk?.formatted(decimals: 4) ?? "", entry.category ?? "",
                entry.inferenceID ?? "", file, entry.notes,
            ]
            Console.out(output.csv ? Table.csv(row) : line(row))
        }
        progress.advance()
    }

    /// The summary.
    func finish() {
        Progress.erase()
        let seconds = ((ContinuousClock.now - start) / .seconds(1)).formatted(decimals: 1)
        let parts = [
            (scored, "scored"), (duplicates, "scored before"), (refused, "refused"), (failed, "failed"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        Console.note("\(parts.isEmpty ? "nothing done" : parts.joined(separator: ", ")) in \(seconds) s")
    }

    private func line(_ cells: [String]) -> String { Table.line(cells, widths: widths) }
}

/// One line of `score --json`.
private struct ScoreEntry: Encodable {
    struct Model: Encodable { var name, version, digest: String }
    struct View: Encodable { var weight, risk: Double }
    struct Refusal: Encodable { var code, message: String }

    var file, status: String
    var inferenceID, sopInstanceUID, objectSHA256, pictureSHA256: String?
    var model: Model
    var risk: Double?
    var category: String?
    var logits: [Float]?
    var views: [View]?
    var flags: [String]?
    var refusal: Refusal?
    var error: String?
    var elapsed: RecordedScoring.Elapsed?

    private enum CodingKeys: String, CodingKey {
        case file, status, model, risk, category, logits, views, flags, refusal, error
        case inferenceID = "inference_id"
        case sopInstanceUID = "sop_instance_uid"
        case objectSHA256 = "object_sha256"
        case pictureSHA256 = "picture_sha256"
        case elapsed = "elapsed_ms"
    }

    init(file: String, _ result: ScoreReport.Result, model: ModelPackage) {
        self.file = file
        self.model = Model(
            name: model.description.name, version: model.description.version, digest: model.digest)
        switch result {
        case .unreadable(let reason):
            status = "failed"
            error = reason
        case .outcome(let outcome):
            sopInstanceUID = outcome.object.sopInstanceUID
            objectSHA256 = outcome.object.sha256
            elapsed = outcome.elapsed
            switch outcome.status {
            case .refused(let reason):
                status = "refused"
                refusal = Refusal(code: reason.code, message: reason.message)
            case .scored(let id, let record):
                status = "scored"
                fill(id, record)
            case .duplicate(let id, let record):
                status = "duplicate"
                fill(id, record)
            }
        }
    }

    private mutating func fill(_ id: UUID, _ record: InferenceRecord) {
        inferenceID = id.uuidString.lowercased()
        pictureSHA256 = record.pictureSHA256
        risk = record.risk
        category = record.category
        logits = record.logits
        views = zip(record.viewWeights, record.viewRisks).map { View(weight: $0, risk: $1) }
        flags = record.flags
    }

    /// For the table: why refused, or what to bear in mind.
    var notes: String {
        if let refusal { return "\(refusal.code): \(refusal.message)" }
        return error ?? (flags ?? []).joined(separator: ", ")
    }
}

extension String {
    /// Filled with spaces to `width` characters.
    func padding(to width: Int) -> String { count < width ? self + String(repeating: " ", count: width - count) : self }
}
