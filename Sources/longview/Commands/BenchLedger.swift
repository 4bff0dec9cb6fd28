import ArgumentParser
import Crypto
import Decoding
import Foundation
import Ledger
import Postgres
import Store

struct BenchLedger: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Time the recording, sequencing and verifying of audit entries.",
        discussion: """
            In a throw-away PostgreSQL of its own that syncs every commit to disk, below the folder for temporary files. \
            Connections add entries of 1 KB while a sequencer gives them their places and a publisher signs a checkpoint a \
            second; then the ledger is filled to --verify entries and verified as an auditor does.
            """)

    @Option(help: "Connections that add entries.")
    var connections = 8

    @Option(help: "Entries added in one transaction.")
    var batch = 1

    @Option(help: "Seconds of adding.")
    var seconds = 10.0

    @Option(help: "Fill the ledger to so many entries and verify it; 0 leaves that out.")
    var verify = 0

    @Flag(help: "One JSON object.")
    var json = false

    private struct Result: Encodable {
        let connections, batch, entry_bytes: Int
        let seconds: Double
        let appended, sequenced, checkpoints: Int
        let appended_per_second, sequenced_per_second: Double
        var verified: Int?
        var fill_per_second, verify_seconds: Double?
        let cpu: String
        let cores: Int
        let synchronous_commit: String
    }

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "longview-bench-\(UUID().uuidString)")
        // The server may run as another user, who must be able to pass.
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let cluster = PrivateCluster(directory: folder.appendingPathComponent("postgres", isDirectory: true))
        do {
            let result = try await measure(cluster, folder)
            try await cluster.stop()
            try? FileManager.default.removeItem(at: folder)
            if json {
                Console.out(try JSONLine.text(result))
            } else {
                Console.out(
                    "appended \(Int(result.appended_per_second)) entries/s, sequenced \(Int(result.sequenced_per_second)) entries/s, "
                        + "\(result.checkpoints) checkpoints")
                if let verified = result.verified, let seconds = result.verify_seconds {
                    Console.out("verified \(verified) entries in \(seconds.formatted(decimals: 1)) s")
                }
            }
        } catch {
            try? await cluster.stop()
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }

    /// A stop entry whose reason fills it up to 1 KB.
    private static let body = EntryBody.stop(
        StopEntry(component: "bench", processID: 1, reason: String(repeating: "x", count: 740)))

    private func measure(_ cluster: PrivateCluster, _ folder: URL) async throws -> Result {
        let owner = try await cluster.start()
        let settings = Settings()
        let recorder = settings.recorder(.service)
        try await Schema.withConnection(owner) { _ = try await Schema.migrate(on: $0, recorder: recorder) }
        let store = Store(
            try cluster.configuration(user: PrivateCluster.workerRole), recorder: recorder,
            maximumConnections: connections + 3, logger: Program.logger)
        let signer = try NoteSigner(name: "longview.bench", algorithm: .ed25519, key: .init())
        try await store.introduce(signer.verifier, reason: nil)
        let sequencer = LedgerSequencer(store)
        try await sequencer.drain()
        let start = try await store.ledgerStatus().size
        let publisher = LedgerPublisher(
            store, signer: signer, file: CheckpointFile(folder.appendingPathComponent("ledger/checkpoint")))
        let deadline = ContinuousClock.now + .seconds(seconds)
        let batch = batch
        let counts = try await withThrowingTaskGroup(of: (appended: Int, checkpoints: Int).self) { group in
            for _ in 0..<connections {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < deadline {
                        try await store.append(Array(repeating: Self.body, count: batch))
                        count += batch
                    }
                    return (count, 0)
                }
            }
            group.addTask {
                while ContinuousClock.now < deadline {
                    if case .sequenced(let count, _) = try await sequencer.step(), count > 200 { continue }
                    try await Task.sleep(for: .milliseconds(50))
                }
                return (0, 0)
            }
            group.addTask {
                var count = 0
                while ContinuousClock.now < deadline {
                    try await publisher.publish()
                    count += 1
                    try await Task.sleep(for: .seconds(1))
                }
                return (0, count)
            }
            return try await group.reduce((appended: 0, checkpoints: 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        let size = try await store.ledgerStatus().size
        let added = counts.0
        var result = Result(
            connections: connections, batch: batch, entry_bytes: 1024, seconds: seconds, appended: added,
            sequenced: size - start, checkpoints: counts.1,
            appended_per_second: Double(added) / seconds, sequenced_per_second: Double(size - start) / seconds,
            cpu: Machine.processor, cores: ProcessInfo.processInfo.activeProcessorCount, synchronous_commit: "on")
        guard verify > 0 else {
            await store.close()
            return result
        }
        var clock = Stopwatch()
        let before = size
        var filled = size
        while filled < verify {
            try await store.append(Array(repeating: Self.body, count: min(2000, verify - filled)))
            try await sequencer.drain()
            filled = try await store.ledgerStatus().size
        }
        result.fill_per_second = Double(filled - before) / (clock.lap() / 1000)
        try await publisher.publish()
        let auditor = try AuditedReads(
            cluster.configuration(user: AuditedReads.Role.auditor.rawValue), as: .auditor, purpose: "HQUALMGT",
            recorder: recorder, logger: Program.logger)
        _ = clock.lap()
        let report = try await auditor.verify(
            policy: CheckpointPolicy(origin: signer.verifier.name, logKeys: [signer.verifier]), outside: [])
        result.verify_seconds = clock.lap() / 1000
        result.verified = report.entries
        guard report.isOK else { throw Failure("the ledger did not verify: \(report.problems)") }
        await auditor.close()
        await store.close()
        return result
    }
}
