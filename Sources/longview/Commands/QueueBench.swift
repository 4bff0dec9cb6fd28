import DICOM
import Decoding
import Foundation
import Store
import Synchronization

/// Rounds of radiographs through an installation: sent by C-STORE, each waited for until its record is committed.
final class QueueBench: Sendable {
    let running: BenchSite.Running
    let associations: Int
    private let client: StorageClient
    private let networkTime: NetworkTime
    private let queue = ComputeQueue("bench", concurrent: false)
    /// SOP Instance UIDs of all rounds.
    private let sent = Mutex<Set<String>>([])

    init(_ running: BenchSite.Running, associations: Int) throws {
        self.running = running
        self.associations = associations
        networkTime = NetworkTime(running.model)
        client = try StorageClient(
            .init(
                host: "127.0.0.1", port: running.port, callingTitle: BenchSite.callingTitle,
                calledTitle: BenchSite.calledTitle))
    }

    /// Between looks for records, which cost time themselves; times are too long by half of it on the whole.
    private static let crowdInterval = Duration.milliseconds(50), loneInterval = Duration.milliseconds(5)

    /// Has everything run once that takes longer the first time.
    func warmUp(_ files: [String]) async throws {
        _ = try await process(files, pollInterval: Self.crowdInterval)
        _ = try await measureNetwork(networkTime.batch)
    }

    /// One round: all of `files` but the last `lone` at once, then those one by one.
    func round(_ files: [String], lone: Int) async throws -> QueueFigures {
        let crowd = Array(files.dropLast(lone))
        guard !crowd.isEmpty else {
            throw Failure("there are \(files.count) files, and --lone asks for \(lone) more than one")
        }
        // What was just written must not be written back meanwhile.
        try await queue.run { sync() }
        // Half before and half after, so that what else the machine does falls on both.
        let first = try await measureNetwork(crowd.count / 2)
        let before = Processors(running)
        let passage = try await process(crowd, pollInterval: Self.crowdInterval)
        let used = Processors(running).since(before)
        let second = try await measureNetwork(crowd.count - crowd.count / 2)
        var alone: [Double] = []
        for file in files.suffix(lone) {
            alone += try await process([file], pollInterval: Self.loneInterval).latencies
        }
        return QueueFigures(
            running.model, networkTime, associations: associations, crowd: passage, lone: alone,
            alone: (first.wall + second.wall, first.processor + second.processor), processors: used)
    }

    private func measureNetwork(_ count: Int) async throws -> (wall: Double, processor: Double) {
        try await queue.run { [networkTime] in try networkTime.measure(count) }
    }

    // MARK: One crowd

    /// Sends `files` and waits until each is recorded.
    private func process(_ files: [String], pollInterval: Duration) async throws -> Passage {
        let answers = Answers()
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Passage?.self) { group in
            for number in 0..<min(associations, files.count) {
                let share = stride(from: number, to: files.count, by: associations).map { files[$0] }
                group.addTask {
                    try await self.send(share, noting: answers)
                    return nil
                }
            }
            group.addTask {
                try await self.awaitRecords(files.count, since: start, pollInterval, answers)
            }
            var passage: Passage?
            for try await result in group { passage = passage ?? result }
            return passage!
        }
    }

    /// Sends `files` in one association.
    private func send(_ files: [String], noting answers: Answers) async throws {
        let results: [StorageClient.Result]
        do {
            results = try await client.send(files) { result in
                guard result.status?.isStored == true, let uid = result.sopInstanceUID else { return }
                answers.note(uid, of: result.path)
            }
        } catch let error as AssociationError {
            try running.site.checkServer()
            throw Failure("longview serve can't be sent to: \(error) \(running.site.lastWords)")
        }
        if let failed = results.first(where: { $0.status?.isStored != true }) {
            let reason = [failed.status?.description, failed.message].compactMap { $0 }.joined(separator: " ")
            throw Failure("\(failed.path) was not accepted: \(reason)")
        }
        for result in results {
            guard let uid = result.sopInstanceUID, sent.withLock({ $0.insert(uid).inserted }) else {
                throw Failure(
                    "\(result.path) has a SOP Instance UID that was sent before; give each file one of its own")
            }
        }
    }

    /// Without another record for so long, something is wrong.
    private static let patience = Duration.seconds(120)

    private func awaitRecords(
        _ count: Int, since start: ContinuousClock.Instant, _ pollInterval: Duration, _ answers: Answers
    ) async throws -> Passage {
        var passage = Passage(count: count)
        var lastNews = start
        while passage.risks.count < count {
            try await Task.sleep(for: pollInterval)
            let answers = answers.all
            let open = answers.keys.filter { passage.risks[$0] == nil }
            let endings = open.isEmpty ? [] : try await running.store.endings(ofInstances: open)
            let now = ContinuousClock.now
            for ending in endings {
                guard let (file, answered) = answers[ending.sopInstanceUID] else { continue }
                guard ending.state == .done, let risk = ending.risk else {
                    throw Failure(
                        "\(file) got no score: \(ending.reason ?? ending.state.rawValue); measure with frontal chest "
                            + "radiographs")
                }
                passage.risks[ending.sopInstanceUID] = risk
                passage.latencies.append((now - answered) / .milliseconds(1))
                passage.seconds = (now - start) / .seconds(1)
                lastNews = now
            }
            if now - lastNews > Self.patience {
                try running.site.checkServer()
                let file = open.compactMap { answers[$0]?.file }.min() ?? "what is being sent"
                throw Failure("\(file) has no record after 2 min: \(running.site.lastWords)")
            }
        }
        return passage
    }
}

/// The radiographs whose C-STORE was answered, by SOP Instance UID: from which file, and when.
private final class Answers: Sendable {
    private let answers = Mutex<[String: (file: String, moment: ContinuousClock.Instant)]>([:])

    var all: [String: (file: String, moment: ContinuousClock.Instant)] { answers.withLock { $0 } }

    func note(_ uid: String, of file: String) { answers.withLock { $0[uid] = (file, .now) } }
}

/// What became of radiographs that were sent together.
struct Passage: Sendable {
    /// How many there were.
    let count: Int
    /// From the first C-STORE to the last committed record.
    var seconds = 0.0
    /// Milliseconds from the answer to a C-STORE to the committed record.
    var latencies: [Double] = []
    /// The recorded risk of each SOP Instance UID.
    var risks: [String: Double] = [:]
}

/// Milliseconds that processes have had of all processors.
struct Processors {
    var server, database, sender: Double

    init(_ running: BenchSite.Running) {
        server = Machine.processorMilliseconds(ofTree: running.serverProcess)
        database = Machine.processorMilliseconds(ofTree: running.databaseProcess)
        sender = Machine.processorMilliseconds
    }

    /// The difference to an earlier reading.
    func since(_ before: Processors) -> Processors {
        var difference = self
        difference.server -= before.server
        difference.database -= before.database
        difference.sender -= before.sender
        return difference
    }
}
