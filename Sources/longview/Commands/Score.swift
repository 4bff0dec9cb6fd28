public import ArgumentParser
import Foundation
import Postgres
import Scoring
import Store

struct Score: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score files and folders, and record each.",
        discussion: """
            DICOM objects, and PNG or JPEG pictures of radiographs. Folders are searched through; hidden files are left \
            out. A file that can't be scored is refused with a reason, which is recorded as well, and the rest goes on.
            """)

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String]

    @Option(help: "The model, as NAME or NAME@VERSION; the default is the active one, or the only one.")
    var model: String?

    @Option(help: "Score all views of the model's profile, or the centre view alone.")
    var views: InferenceRecord.Views = .profile

    @Option(help: "Threads that compute; the default is the number of cores.")
    var threads: Int?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
    }

    func run() async throws {
        let settings = Settings()
        let (files, missing) = FileList.files(in: paths)
        for path in missing { Console.note("\(path): there is no such file or folder") }
        guard !files.isEmpty else {
            throw Failure(missing.isEmpty ? "there is no file in the folders given" : "nothing was scored")
        }
        // While the database and the model are made ready, so are decoders.
        let decoders = settings.decoders
        async let ready: Void = decoders.warmUp()
        let store = try await settings.openStore()
        let registered = try await store.model(named: model)
        guard registered.state != .retired else {
            throw Failure(
                "\(registered.reference) is retired; to use it again: longview model activate \(registered.reference)")
        }
        guard registered.state != .shadow else {
            throw Failure(
                "\(registered.reference) is a shadow: nobody is shown its scores; to use it: "
                    + "longview model activate \(registered.reference)")
        }
        let scorer = RecordedScoring(
            store: store,
            model: try await LoadedModel.load(registered, settings: settings, threads: threads), decoders: decoders,
            views: views, longviewVersion: Program.version, host: Program.host)
        await ready
        var report = ScoreReport(model: scorer.model.package, output: output, total: files.count)
        report.begin()
        do {
            try await scoreAll(files, with: scorer, into: &report)
        } catch {
            report.finish()
            await store.close()
            throw Failure(
                "\(error)\nstopped after \(report.done) of \(files.count) files; what is listed is recorded. "
                    + "Run the same command again when this is mended: finished files are not scored twice.")
        }
        report.finish()
        do {
            try await LedgerSettings(settings).settle(store)
        } catch {
            // What was scored is recorded; only its publication is not.
            Console.note("the ledger was not published: \(error)")
        }
        await store.close()
        if report.scored + report.duplicates == 0 && report.refused == 0 { throw ExitCode.failure }
        if report.refused + report.failed + missing.count > 0 { throw ExitCode.partial }
    }

    /// Keeps a few files under way, so that one is decoded while another is scored; reports them in order.
    private func scoreAll(_ files: [String], with scorer: RecordedScoring, into report: inout ScoreReport) async throws
    {
        let window = 4
        try await withThrowingTaskGroup(of: (Int, ScoreReport.Result).self) { group in
            var next = 0
            var finished: [Int: ScoreReport.Result] = [:]
            func startNext() {
                guard next < files.count else { return }
                let (index, path) = (next, files[next])
                next += 1
                group.addTask {
                    let bytes: [UInt8]
                    do {
                        bytes = try FileList.read(path)
                    } catch {
                        return (index, .unreadable("\(error)"))
                    }
                    return (index, .outcome(try await Self.process(bytes, with: scorer)))
                }
            }
            for _ in 0..<window { startNext() }
            while let (index, result) = try await group.next() {
                finished[index] = result
                while let result = finished.removeValue(forKey: report.done) {
                    report.add(file: files[report.done], result)
                }
                startNext()
            }
        }
    }

    /// Scores, or finds the score there is; that somebody is shown it is recorded.
    private static func scoreOrFind(
        _ bytes: [UInt8], with scorer: RecordedScoring
    ) async throws -> RecordedScoring.Outcome {
        let outcome = try await scorer.process(bytes)
        if case .duplicate(let id, _) = outcome.status { try await scorer.store.recordShownAgain(id) }
        return outcome
    }

    /// Tries again where the database went away for a moment; an outcome is recorded once however often it is tried.
    private static func process(_ bytes: [UInt8], with scorer: RecordedScoring) async throws -> RecordedScoring.Outcome
    {
        for pause in [0.5, 1, 2, 4] {
            do {
                return try await scoreOrFind(bytes, with: scorer)
            } catch let error as PostgresError where error.isRetryable || error.code == .unknownCommitOutcome {
                Program.logger.warning("the database did not answer; trying again: \(error)")
                try await Task.sleep(for: .seconds(pause))
            }
        }
        return try await scoreOrFind(bytes, with: scorer)
    }
}

extension InferenceRecord.Views: ExpressibleByArgument {}
