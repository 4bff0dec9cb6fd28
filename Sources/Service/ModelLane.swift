import Decoding
import Imaging
import Logging
import Postgres
import Scoring
import Store

/// One model's way through a worker: claims its jobs, decodes ahead, fills the network, records.
///
/// While the network scores, the next radiographs are decoded. What is ready when the network becomes free is scored in
/// one run, at most `largestBatch` of them, so a lone radiograph waits for nobody and a crowd fills the network.
actor ModelLane {
    /// How far a job has come.
    private enum Phase {
        case preparing, ready
        /// In the network or on its way into the database: finished even when the worker stops.
        case underWay
    }

    struct Prepared {
        var job: Job
        var object: ObjectRecord
        var ready: Preparation.Ready
        var decode, render: Double
    }

    nonisolated let model: ScoringModel
    let parts: WorkerParts
    private let records: RecordMaker
    private let readySignal = WorkSignal()
    private var inHand: [Int64: (job: Job, phase: Phase)] = [:]
    private var ready: [Prepared] = []
    private var decoding = 0
    private var turns: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false
    /// Whether the model is a shadow: then it takes jobs only while no other lane has any.
    private var mayClaim: @Sendable () async -> Bool = { true }

    init(model: ScoringModel, parts: WorkerParts) {
        self.model = model
        self.parts = parts
        records = RecordMaker(
            model: model, views: .profile, longviewVersion: parts.settings.longviewVersion, host: parts.settings.host)
    }

    /// The jobs whose leases are to be extended.
    var leases: [Job] { inHand.values.map(\.job) }

    var isIdle: Bool { inHand.isEmpty }

    func claims(when condition: @escaping @Sendable () async -> Bool) { mayClaim = condition }

    /// Works until ``stop()``, and then until what is under way is recorded.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.scoreWhatIsReady() }
            var cursor = ClaimCursor()
            var outage = Outage(parts.logger, "the queue can't be read")
            while !isStopping {
                let seen = parts.signal.generation
                let room = parts.settings.jobsInHand - inHand.count
                if room * 2 >= parts.settings.jobsInHand, await mayClaim() {
                    do {
                        // Asked each time: the folder may be mounted, or away, since.
                        let folder = try await parts.reading.run { [folder = parts.folder] in try folder.identity() }
                        let jobs = try await parts.store.claim(
                            room, modelDigest: model.package.digest, folder: folder, worker: parts.settings.name,
                            lease: parts.settings.lease, cursor: &cursor)
                        outage.isOver()
                        for job in jobs {
                            inHand[job.id] = (job, .preparing)
                            group.addTask { await self.prepare(job) }
                        }
                        // Stopped while they were claimed: they go back at once.
                        if isStopping { await returnWhatIsNotUnderWay() }
                    } catch {
                        await parts.signal.wait(since: seen, upTo: outage.pause(after: error))
                        continue
                    }
                }
                await parts.signal.wait(since: seen, upTo: parts.settings.pollInterval)
            }
        }
    }

    /// Claims no more, and gives back what is neither in the network nor past it.
    func stop() async {
        guard !isStopping else { return }
        isStopping = true
        parts.signal.notify()
        readySignal.notify()
        await returnWhatIsNotUnderWay()
    }

    private func returnWhatIsNotUnderWay() async {
        let jobs = inHand.values.filter { $0.phase != .underWay }.map(\.job)
        for job in jobs { inHand[job.id] = nil }
        ready = []
        do {
            try await parts.store.release(jobs, code: "worker_stopped", message: "the worker was stopped")
        } catch {
            parts.logger.warning(
                "\(jobs.count) jobs could not be given back; they are free when their leases end: \(error)")
        }
    }

    /// The jobs `asked` about that are not among `held` passed to others: what is not under way is dropped.
    func keep(_ held: Set<Int64>, of asked: [Job]) {
        for job in asked where !held.contains(job.id) && inHand[job.id]?.job.token == job.token {
            parts.logger.warning("job \(job.id) passed to another worker, as its lease had ended")
            inHand[job.id] = nil
            ready.removeAll { $0.job.id == job.id }
        }
        parts.signal.notify()
    }

    // MARK: Decoding

    private func holds(_ job: Job) -> Bool { inHand[job.id]?.job.token == job.token }

    private func drop(_ job: Job) {
        if holds(job) { inHand[job.id] = nil }
        parts.signal.notify()
    }

    /// Waits until fewer than `decodedAtOnce` objects are being decoded; in the order of asking.
    private func takeTurn() async {
        if decoding < parts.settings.decodedAtOnce {
            decoding += 1
        } else {
            await withCheckedContinuation { turns.append($0) }
        }
    }

    private func passTurn() {
        if turns.isEmpty { decoding -= 1 } else { turns.removeFirst().resume() }
    }

    private func prepare(_ job: Job) async {
        await takeTurn()
        defer { passTurn() }
        guard holds(job) else { return }
        do {
            let bytes = try await parts.reading.run { [folder = parts.folder] in try folder.read(job.objectSHA256) }
            guard holds(job) else { return }
            var object = ObjectRecord(sha256: job.objectSHA256, kind: .init(head: bytes), byteCount: bytes.count)
            let prepared = try await parts.decoders.prepare(bytes, profile: model.profile)
            if let identity = prepared.identity { object.describe(as: identity) }
            guard holds(job) else { return }
            switch prepared.result {
            case .refused(let refusal):
                inHand[job.id]?.phase = .underWay
                await finish(job, recording: .refusal(try records.record(of: refusal, object: object)))
            case .ready(let ready):
                inHand[job.id]?.phase = .ready
                self.ready.append(
                    Prepared(
                        job: job, object: object, ready: ready, decode: prepared.decodeMilliseconds,
                        render: prepared.renderMilliseconds))
                readySignal.notify()
            }
        } catch let error as DecoderError where error.isOfThisMachine {
            await yield(job, error)
        } catch {
            await fail(job, error)
        }
    }

    // MARK: Scoring

    private func scoreWhatIsReady() async {
        await withDiscardingTaskGroup { group in
            while true {
                let seen = readySignal.generation
                guard !ready.isEmpty else {
                    if isStopping && !inHand.values.contains(where: { $0.phase == .preparing }) { return }
                    await readySignal.wait(since: seen, upTo: .seconds(1))
                    continue
                }
                let batch = Array(ready.prefix(parts.settings.largestBatch))
                ready.removeFirst(batch.count)
                for prepared in batch { inHand[prepared.job.id]?.phase = .underWay }
                await score(batch, &group)
            }
        }
    }

    private func score(_ batch: [Prepared], _ group: inout DiscardingTaskGroup) async {
        do {
            let pictures = batch.map(\.ready.radiograph.picture)
            let (scores, milliseconds) = try await parts.scoring.run { [model] in
                var clock = Stopwatch()
                return (try model.score(pictures, views: .profile), clock.lap() / Double(pictures.count))
            }
            for (prepared, score) in zip(batch, scores) {
                group.addTask { await self.record(score, of: prepared, milliseconds) }
            }
        } catch  where batch.count > 1 {
            // One picture that the network can't take must not harm its neighbours.
            for prepared in batch { await score([prepared], &group) }
        } catch {
            await fail(batch[0].job, error)
        }
    }

    private func record(_ score: RiskScore, of prepared: Prepared, _ milliseconds: Double) async {
        do {
            let picture = try await parts.reading.run { try PictureRecord(prepared.ready.radiograph.picture) }
            let record = try records.record(
                of: score, ready: prepared.ready, object: prepared.object, picture: picture,
                timing: .init(decode: prepared.decode, render: prepared.render, score: milliseconds))
            await finish(prepared.job, recording: .score(record, picture))
        } catch {
            await fail(prepared.job, error)
        }
    }

    // MARK: Ending a job

    private enum Result {
        case score(InferenceRecord, PictureRecord)
        case refusal(RefusalRecord)
    }

    /// Records and ends the job; as long as the database does not answer and the lease is not known to be lost, again.
    private func finish(_ job: Job, recording result: Result) async {
        var outage = Outage(parts.logger, "a result can't be recorded")
        while holds(job) {
            do {
                let completion =
                    switch result {
                    case .score(let record, let picture):
                        try await parts.store.complete(job, with: record, picture: picture)
                    case .refusal(let refusal): try await parts.store.complete(job, with: refusal)
                    }
                outage.isOver()
                if completion == .leaseLost {
                    parts.logger.notice(
                        "job \(job.id) was ended by somebody else; what was computed here is not recorded")
                }
                return drop(job)
            } catch let error as PostgresError where error.isTransient {
                let pause = outage.pause(after: error)
                // The lease ends by itself; somebody will do it again.
                if isStopping && outage.seconds > Self.patience { return drop(job) }
                try? await Task.sleep(for: pause)
            } catch {
                return await fail(job, error)
            }
        }
        parts.signal.notify()
    }

    /// Seconds that a worker told to stop waits for a database that does not answer.
    private static let patience = 10.0

    private func fail(_ job: Job, _ error: any Error) async {
        guard holds(job) else { return }
        let (code, message) = FailureText.of(error)
        do {
            let outcome = try await parts.store.fail(
                job, worker: parts.settings.name, code: code, message: message, policy: parts.settings.retries)
            parts.logger.warning("job \(job.id) failed (\(code)): \(outcome.text)")
        } catch {
            parts.logger.warning(
                "job \(job.id) failed (\(code)), which can't be recorded; its lease will end: \(error)")
        }
        drop(job)
    }

    /// Gives a job back because of what is the matter with this machine, and waits a while.
    private func yield(_ job: Job, _ error: any Error) async {
        parts.logger.error("no decoder: \(error)")
        try? await Task.sleep(for: .seconds(5))
        guard holds(job) else { return }
        let (code, message) = FailureText.of(error)
        try? await parts.store.release([job], code: code, message: message)
        drop(job)
    }
}

extension Store.FailureOutcome {
    fileprivate var text: String {
        switch self {
        case .retry(let moment): "to be tried again at \(moment)"
        case .dead: "dead; longview queue show tells why"
        case .leaseLost: "another worker has it"
        }
    }
}

extension DecoderError {
    /// Whether no object could be decoded here.
    var isOfThisMachine: Bool {
        code == .notStarted || code == .installationBroken || code == .notConfined
    }
}
