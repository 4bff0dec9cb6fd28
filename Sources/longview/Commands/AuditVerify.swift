import ArgumentParser
import Foundation
import Ledger

struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks an export with nothing but the folder and a public key; or the live database.",
        discussion: """
            The key must not come from the export: without --key and --policy nothing is trusted. A checkpoint that was \
            kept from an earlier time shows whether history was rewritten since (--checkpoint).
            Exit status: 0 all is as it should be, 3 something is not, 1 the folder can't be read.
            """)

    @Argument(help: "The export's folder.", completion: .directory)
    var folder: String?

    @Flag(help: "The live database in place of a folder, and whether its records say what their entries say.")
    var database = false

    @Option(name: .customLong("key"), help: "A verifier key of the log (name+id+base64); may be repeated.")
    var keys: [String] = []

    @Option(
        help: "A file with keys, witnesses and quorum to ask for (C2SP tlog-policy); its log keys count like --key.",
        completion: .file())
    var policy: String?

    @Option(
        name: .customLong("checkpoint"), help: "A checkpoint that was kept outside; may be repeated.",
        completion: .file())
    var checkpoints: [String] = []

    @Flag(help: "One JSON object.")
    var json = false

    func validate() throws {
        guard database != (folder != nil) else { throw ValidationError("name an export's folder, or --database") }
        if keys.isEmpty, policy == nil {
            throw ValidationError("name the log's key with --key, or a policy with --policy")
        }
    }

    func run() async throws {
        let policy = try trusted()
        let outside = try checkpoints.map { path in
            // Its signature counts, so that nobody is taken in by a checkpoint that somebody else made up.
            var lenient = policy
            lenient.requiredCosignatures = 0
            return try lenient.open(SignedNote(parsing: Self.read(path))).checkpoint
        }
        guard let folder else { return try await verifyDatabase(policy, outside) }
        let verifier = BundleVerifier(policy: policy, outsideCheckpoints: outside)
        // Reading and hashing block: not on Swift's own threads.
        let report = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try verifier.verify(folder: folder) }) }
        }
        if json { Console.out(try JSONLine.text(report)) } else { Self.show(report, folder) }
        if !report.isOK { throw ExitCode.mismatch }
    }

    private func verifyDatabase(_ policy: CheckpointPolicy, _ outside: [Checkpoint]) async throws {
        let settings = Settings()
        let reads = try await settings.openReads(as: .auditor, purpose: "HQUALMGT")
        // What this machine keeps outside counts as well.
        var outside = outside
        if let kept = try LedgerSettings(settings).checkpoint.read() { outside.append(try Checkpoint(text: kept.text)) }
        let report = try await reads.verify(policy: policy, outside: outside)
        await reads.close()
        if json {
            Console.out(try JSONLine.text(report))
        } else {
            Console.out(
                report.isOK ? "database: all is as it should be" : Console.bold("database: NOT as it should be"))
            Console.out("  \(report.entries) entries, \(report.checkpoints) checkpoints, root \(report.root)")
            Self.show(report)
        }
        if !report.isOK { throw ExitCode.mismatch }
    }

    private func trusted() throws -> CheckpointPolicy {
        let named = try keys.map { try NoteVerifier($0) }
        guard let policy else { return try CheckpointPolicy(origin: named[0].name, logKeys: named) }
        var whole = try CheckpointPolicy(text: String(decoding: Self.read(policy), as: UTF8.self))
        whole.logKeys += named.filter { !whole.logKeys.contains($0) }
        return whole
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure("\(path) can't be read; name a file that can")
        }
    }

    private static func show(_ report: BundleReport, _ folder: String) {
        let log = report.log
        if report.isOK {
            Console.out("\(folder): all is as it should be")
        } else {
            Console.out(Console.bold("\(folder): NOT as it should be"))
        }
        Console.out("  \(log.entries) entries, \(log.checkpoints) checkpoints, root \(log.root)")
        Console.out(
            "  \(report.files) files, \(report.proofs) proofs, \(report.openings) openings, "
                + "\(report.erasedPatients) patients erased")
        show(log)
    }

    private static func show(_ log: VerificationReport) {
        for problem in log.problems {
            let place = problem.index.map { " at \($0)" } ?? ""
            Console.out("  \(problem.code.rawValue)\(place): \(problem.message.printable)")
        }
        if log.problemCount > log.problems.count {
            Console.out("  and \(log.problemCount - log.problems.count) more")
        }
    }
}
