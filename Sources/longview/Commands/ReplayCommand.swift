import ArgumentParser
import Decoding
import Foundation
import Inference
import Ledger
import Scoring
import Store

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Score stored pictures again with the stored model, and compare bits.",
        discussion: """
            Exit status 3 where a record, a picture or a model is not what it was; 2 where some could not be compared: \
            their model's package is not on this machine, or they were computed by another version of the engine.
            """)

    @Argument(help: "Inference ids.")
    var inferences: [String] = []

    @Flag(help: "Every inference.")
    var all = false

    @Option(help: "So many inferences, chosen at random.")
    var sample: Int?

    @Option(help: "Threads that compute; the default is the number of cores.")
    var threads: Int?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard [!inferences.isEmpty, all, sample != nil].count(where: \.self) == 1 else {
            throw ValidationError("name inferences, or use --all, or --sample")
        }
        if let sample, sample < 1 { throw ValidationError("--sample must be at least 1") }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        for inference in inferences where UUID(uuidString: inference) == nil {
            throw ValidationError("\(inference) is not an inference id; `longview scores` lists them")
        }
    }

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        let ids =
            inferences.isEmpty
            ? try await store.inferenceIDs(sample: sample) : inferences.compactMap(UUID.init(uuidString:))
        var report = ReplayReport(output: output, total: ids.count)
        var models: [String: Result<ScoringModel, any Error>] = [:]
        let registered = Dictionary(uniqueKeysWithValues: try await store.models().map { ($0.digest, $0) })
        for id in ids {
            guard let stored = try await store.inference(id) else {
                throw Failure(
                    "there is no inference \(id.uuidString.lowercased()); `longview scores` lists those there are")
            }
            let digest = stored.record.modelDigest
            if models[digest] == nil {
                models[digest] = await Self.load(registered[digest], settings: settings, threads: threads)
            }
            let result: ReplayReport.Result
            var engine: EngineIdentity?
            switch models[digest]! {
            case .failure(let error): result = .modelMissing("\(error)", isMismatch: Self.isMismatch(error))
            case .success(let model):
                engine = model.network.engine
                if let picture = try await store.picture(stored.record.pictureSHA256) {
                    let replay = try await ComputeQueue("replay", concurrent: false).run {
                        try Replay(of: stored.record, picture: picture, model: model)
                    }
                    result = .compared(replay, engine: model.network.engine.version)
                } else {
                    result = .pictureMissing
                }
            }
            if let entry = try result.entry(of: stored, engine: engine) {
                try await store.append(.replay(entry), outcome: entry.isMatch ? .success : .seriousFailure)
            }
            report.add(stored, result)
        }
        await store.close()
        report.finish()
        if report.mismatches > 0 { throw ExitCode.mismatch }
        if report.incomparable > 0 { throw ExitCode.partial }
    }

    private static func load(
        _ model: RegisteredModel?, settings: Settings, threads: Int?
    ) async -> Result<ScoringModel, any Error> {
        guard let model else { return .failure(Failure("the model is not registered", status: .mismatch)) }
        do {
            return .success(try await LoadedModel.load(model, settings: settings, threads: threads))
        } catch {
            return .failure(error)
        }
    }

    private static func isMismatch(_ error: any Error) -> Bool {
        (error as? Failure)?.status == .mismatch || (error as? InferenceError)?.isMismatch == true
    }
}

/// Prints what came of each replay, and a summary.
private struct ReplayReport {
    enum Result {
        case compared(Replay, engine: String)
        case modelMissing(String, isMismatch: Bool)
        case pictureMissing

        /// What the ledger keeps of it; nil where nothing could be compared.
        func entry(of stored: StoredInference, engine: EngineIdentity?) throws -> ReplayEntry? {
            var replay: Replay?
            switch self {
            case .compared(let compared, _) where compared.outcome == .otherEngine: return nil
            case .modelMissing(_, isMismatch: false): return nil
            case .compared(let compared, _): replay = compared
            case .modelMissing, .pictureMissing: break
            }
            let record = stored.record
            guard let digest = MerkleHash(hexadecimal: record.modelDigest) else { return nil }
            return ReplayEntry(
                inferenceID: stored.id.uuidString.lowercased(),
                model: ModelReference(name: record.modelName, version: record.modelVersion, digest: digest),
                isMatch: replay?.outcome == .equal, logits: replay?.logits?.map(DecimalFloat.init),
                risk: replay?.risk.map(DecimalDouble.init), engineVersion: engine?.version ?? "none",
                kernels: engine?.kernels.rawValue ?? "none")
        }
    }

    private(set) var equal = 0
    private(set) var mismatches = 0
    private(set) var incomparable = 0
    private let output: OutputOptions
    private var progress: Progress
    private let headings = ["STATUS", "INFERENCE", "MODEL", "NOTES"]

    private struct Entry: Encodable {
        struct Model: Encodable { var name, version, digest: String }
        var inference_id, status: String
        var model: Model
        var engine_recorded: String
        var engine: String?
        var largest_difference: Double?
        var message: String?
    }

    init(output: OutputOptions, total: Int) {
        self.output = output
        progress = Progress(total: total)
        if !output.json { Console.out(output.csv ? Table.csv(headings) : Console.bold(line(headings))) }
    }

    mutating func add(_ stored: StoredInference, _ result: Result) {
        let record = stored.record
        var entry = Entry(
            inference_id: stored.id.uuidString.lowercased(), status: "",
            model: .init(name: record.modelName, version: record.modelVersion, digest: record.modelDigest),
            engine_recorded: record.engineVersion)
        switch result {
        case .compared(let replay, let engine):
            entry.status = replay.outcome.rawValue
            entry.engine = engine
            entry.largest_difference = replay.largestDifference
            switch replay.outcome {
            case .equal: equal += 1
            case .pictureAltered:
                mismatches += 1
                entry.message = "the stored picture is not the one whose digest the record states"
            case .different:
                mismatches += 1
                entry.message = "the same picture, model and engine give other bits than the record has"
            case .otherEngine:
                incomparable += 1
                entry.message =
                    "computed by the engine \(record.engineVersion), this is \(engine): replay it with the program of then "
                    + "(longview \(record.longviewVersion))"
            }
        case .modelMissing(let reason, let isMismatch):
            entry.status = isMismatch ? "model_altered" : "model_missing"
            entry.message = reason
            if isMismatch { mismatches += 1 } else { incomparable += 1 }
        case .pictureMissing:
            entry.status = "picture_missing"
            entry.message = "its picture is no longer stored"
            mismatches += 1
        }
        Progress.erase()
        let row = [entry.status, entry.inference_id, "\(record.modelName)@\(record.modelVersion)", entry.message ?? ""]
        if output.json {
            Console.out((try? JSONLine.text(entry)) ?? "{}")
        } else {
            Console.out(output.csv ? Table.csv(row) : line(row))
        }
        progress.advance()
    }

    func finish() {
        Progress.erase()
        let parts = [(equal, "equal to the bit"), (mismatches, "NOT as recorded"), (incomparable, "not compared")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        Console.note(parts.isEmpty ? "there is no inference" : parts.joined(separator: ", "))
    }

    private func line(_ cells: [String]) -> String { Table.line(cells, widths: [15, 36, 0, 0]) }
}
