import Decoding
import Imaging
import Logging
import Postgres
import Scoring
import Store

/// One model's way through a worker: claims its jobs, decodes ahead, fills the network, records.
///
/// While the network scores, the next radiographs are decoded. What is ready when the network becomes free is scored in
/// one run, at most `largestBatch` of them, so a lone radiograph waits for nobody and a crowd fills the network. A worker
/// that only decodes hands over what is ready; one that only scores takes what was handed over.
actor ModelLane {
    /// How far a job has come.
    private enum Phase {
        case preparing, ready
        /// In the network or on its way into the database: finished even when the worker stops.
        case underWay
    }

    private struct Prepared {
        /// Decoded here, and not compressed yet; or by another worker.
        enum Rendering {
            case here(Preparation.Ready, decode: Double, render: Double)
            case elsewhere(RenderingRecord)
        }

        var job: Job
        var object: ObjectRecord
        var picture: GreyPicture
        var rendering: Rendering

        /// As it is kept. Blocks.
        func renderingRecord() throws -> RenderingRecord {
            switch rendering {
            case .here(let ready, let decode, let render):
                try RenderingRecord(ready, decodeMilliseconds: decode, renderMilliseconds: render)
            case .elsewhere(let record): record
            }
        }
    }

    nonisolated let model: WorkerModel
    let parts: WorkerParts
    private let records: RecordMaker
    private let readySignal = WorkSignal()
    private var cursors: [JobStage: ClaimCursor] = [:]
    private var nextLookForRendered = ContinuousClock.now
    private var inHand: [Int64: (job: Job, phase: Phase)] = [:]
    private var ready: [Prepared] = []
    private var decoding = 0
    private var turns: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false
    /// Whether the model is a shadow: then it takes jobs only while no other lane has any.
    private var mayClaim: @Sendable () async -> Bool = { true }

    init(model: WorkerModel, parts: WorkerParts) {
        self.model = model
        self.parts = parts
        records = RecordMaker(
            package: model.package, views: .profile, longviewVersion: parts.settings.longviewVersion,
            host: parts.settings.host)
    }

    /// The jobs whose leases are to be extended.
    var leases: [Job] { inHand.values.map(\.job) }

    var isIdle: Bool { inHand.isEmpty }

    func claims(when condition: @escaping @Sendable () async -> Bool) { mayClaim = condition }

    /// Works until ``stop()``, and then until what is under way is recorded.
    func run() async {
        await withDiscardingTaskGroup { group in
            if let scoring = model.scoring { group.addTask { await self.scoreWhatIsReady(with: scoring) } }
            var outage = Outage(parts.logger, "the queue can't be read")
            while !isStopping {
                let seen = parts.signal.generation
                if room * 2 >= parts.settings.jobsInHand, await mayClaim() {
                    do {
                        try await claim(&group)
                        outage.isOver()
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

    // MARK: Claiming

    private var room: Int { parts.settings.jobsInHand - inHand.count }

    private var isScoringOnly: Bool { !parts.settings.stages.contains(.decode) }

    /// Leases as many jobs as there is room for, and begins them. What others rendered, which has waited longer, gets half
    /// of it: however much there is, what is urgent among the rest has its turn.
    private func claim(_ group: inout DiscardingTaskGroup) async throws {
        if model.scoring != nil, isScoringOnly || .now >= nextLookForRendered {
            let count = try await claim(isScoringOnly ? room : (room + 1) / 2, .toScore, at: .score, &group)
            if count == 0 { nextLookForRendered = .now + parts.settings.renderedInterval }
        }
        guard !isScoringOnly, room > 0 else { return }
        if model.scoring == nil {
            let isFull = try await parts.store.hasRendered(
                parts.settings.renderedAhead, modelDigest: model.package.digest)
            if isFull { return }
        }
        // Asked each time: the folder may be mounted, or away, since.
        let folder = try await parts.reading.run { [folder = parts.folder] in try folder.identity() }
        _ = try await claim(room, .toDecode(in: folder), at: .decode, &group)
    }

    /// Returns how many were leased.
    private func claim(
        _ limit: Int, _ selection: JobSelection, at stage: JobStage, _ group: inout DiscardingTaskGroup
    ) async throws -> Int {
        var cursor = cursors[stage] ?? ClaimCursor()
        defer { cursors[stage] = cursor }
        let jobs = try await parts.store.claim(
            limit, selection, modelDigest: model.package.digest, worker: parts.settings.name,
            lease: parts.settings.lease, cursor: &cursor)
        for job in jobs {
            inHand[job.id] = (job, .preparing)
            group.addTask { await self.begin(job) }
        }
        return jobs.count
    }

    private func begin(_ job: Job) async {
        await takeTurn()
        defer { passTurn() }
        guard holds(job) else { return }
        switch job.stage {
        case .decode: await decode(job)
        case .score: await fetch(job)
        }
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

    private func decode(_ job: Job) async {
        do {
            let stored = try await parts.reading.run { [folder = parts.folder] in
                try folder.storedObject(job.objectSHA256)
            }
            var object = ObjectRecord(
                sha256: job.objectSHA256, kind: .init(head: stored.head), byteCount: stored.source.count)
            let prepared = try await parts.decoders.prepare(stored.source, profile: model.profile)
            if let identity = prepared.identity { object.describe(as: identity) }
            guard holds(job) else { return }
            switch prepared.result {
            case .refused(let refusal):
                inHand[job.id]?.phase = .underWay
                await finish(job, by: .refusing(try records.record(of: refusal, object: object)))
            case .ready(let ready):
                let prepared = Prepared(
                    job: job, object: object, picture: ready.radiograph.picture,
                    rendering: .here(
                        ready, decode: prepared.decodeMilliseconds, render: prepared.renderMilliseconds))
                if model.scoring != nil { score(prepared) } else { try await handOver(prepared) }
            }
        } catch let error as DecoderError where error.isOfThisMachine {
            await yield(job, error)
        } catch {
            await fail(job, error)
        }
    }

    /// Gives what was rendered to whoever scores.
    private func handOver(_ prepared: Prepared) async throws {
        inHand[prepared.job.id]?.phase = .underWay
        let rendering = try await parts.reading.run { try prepared.renderingRecord() }
        await finish(prepared.job, by: .handingOver(rendering, prepared.object))
    }

    /// Fetches what another worker rendered.
    private func fetch(_ job: Job) async {
        var outage = Outage(parts.logger, "a rendering can't be read")
        while holds(job) {
            do {
                guard let (object, rendering) = try await parts.store.rendering(for: job) else {
                    return await fail(job, RenderingError.missing)
                }
                let picture = try await parts.reading.run {
                    guard let picture = try? GreyPicture(pngFile: rendering.picture.png),
                        picture.sha256 == rendering.picture.sha256
                    else { throw RenderingError.altered }
                    return picture
                }
                guard holds(job) else { return }
                return score(Prepared(job: job, object: object, picture: picture, rendering: .elsewhere(rendering)))
            } catch let error as PostgresError where error.isTransient {
                // The lease ends by itself; somebody will do it again.
                if isStopping { return drop(job) }
                try? await Task.sleep(for: outage.pause(after: error))
            } catch {
                return await fail(job, error)
            }
        }
    }

    // MARK: Scoring

    private func score(_ prepared: Prepared) {
        inHand[prepared.job.id]?.phase = .ready
        ready.append(prepared)
        readySignal.notify()
    }

    private func scoreWhatIsReady(with scoring: ScoringModel) async {
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
                await score(batch, with: scoring, &group)
            }
        }
    }

    private func score(_ batch: [Prepared], with scoring: ScoringModel, _ group: inout DiscardingTaskGroup) async {
        do {
            let pictures = batch.map(\.picture)
            let (scores, milliseconds) = try await parts.scoring.run {
                var clock = Stopwatch()
                return (try scoring.score(pictures, views: .profile), clock.lap() / Double(pictures.count))
            }
            for (prepared, score) in zip(batch, scores) {
                group.addTask { await self.record(score, by: scoring, of: prepared, milliseconds) }
            }
        } catch  where batch.count > 1 {
            // One picture that the network can't take must not harm its neighbours.
            for prepared in batch { await score([prepared], with: scoring, &group) }
        } catch {
            await fail(batch[0].job, error)
        }
    }

    private func record(
        _ score: RiskScore, by scoring: ScoringModel, of prepared: Prepared, _ milliseconds: Double
    ) async {
        do {
            let rendering = try await parts.reading.run { try prepared.renderingRecord() }
            let record = try records.record(
                of: score, by: scoring, from: rendering, object: prepared.object, scoreMilliseconds: milliseconds)
            await finish(prepared.job, by: .recording(record, rendering.picture))
        } catch {
            await fail(prepared.job, error)
        }
    }

    // MARK: Ending a job

    /// How a job, or its first stage, ends.
    private enum Ending {
        case recording(InferenceRecord, PictureRecord)
        case refusing(RefusalRecord)
        case handingOver(RenderingRecord, ObjectRecord)
    }

    /// Ends the job with its record, or its stage; as long as the database does not answer and the lease is not known to be
    /// lost, again.
    private func finish(_ job: Job, by ending: Ending) async {
        var outage = Outage(parts.logger, "a result can't be recorded")
        while holds(job) {
            do {
                let isOurs =
                    switch ending {
                    case .recording(let record, let picture):
                        try await parts.store.complete(job, with: record, picture: picture) != .leaseLost
                    case .refusing(let refusal): try await parts.store.complete(job, with: refusal) != .leaseLost
                    case .handingOver(let rendering, let object):
                        try await parts.store.handOver(job, rendering, of: object, by: parts.settings.renderer)
                    }
                outage.isOver()
                if !isOurs {
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
                job, worker: parts.settings.name, code: code, message: message,
                beginsAnew: error is RenderingError, policy: parts.settings.retries)
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

/// What another worker rendered can't be used, and is rendered again.
enum RenderingError: String, Error {
    case missing = "rendering_missing"
    case altered = "picture_altered"
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
