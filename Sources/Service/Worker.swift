public import Decoding
public import Logging
public import Scoring
public import ServiceLifecycle
public import Store

/// Scores what is in the queue, with every model in use, until it is told to stop. It may do one of the two stages alone:
/// decode what lies in its folder, or score what others decoded.
///
/// Told to stop (a graceful shutdown of its service group) it claims nothing more, gives back what it has not begun,
/// finishes what is in the network and returns. Killed, its leases end by themselves and others do its work.
public actor Worker: ServiceLifecycle.Service {
    private let parts: WorkerParts
    private let load: @Sendable (RegisteredModel) async throws -> WorkerModel
    private let wake = WorkSignal()
    private var lanes: [String: ModelLane] = [:]
    private var shadows: Set<String> = []
    private var failures: [String: ContinuousClock.Instant] = [:]
    private var isStopping = false
    private var areLanesDone = false
    private var lastTargets: Set<String>?
    private var lastRetarget = ContinuousClock.now
    private var outage: Outage

    /// A worker that reads objects from `folder`.
    ///
    /// - Parameters:
    ///   - signal: wakes it when something was taken in by the same process.
    ///   - load: opens a registered model, with its golden vectors computed if it is to score; throws where it can't be
    ///     used here.
    public init(
        store: Store, folder: ObjectFolder, decoders: DecoderPool, settings: WorkerSettings,
        signal: WorkSignal = WorkSignal(), logger: Logger,
        load: @escaping @Sendable (RegisteredModel) async throws -> WorkerModel
    ) {
        parts = WorkerParts(
            store: store, folder: folder, decoders: decoders, settings: settings, signal: signal, logger: logger)
        self.load = load
        outage = Outage(logger, "the models in use can't be read")
    }

    /// Works until the service group shuts down gracefully, or the task is cancelled.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await work()
        } onCancelOrGracefulShutdown: {
            Task { await self.stop() }
        }
    }

    private func stop() {
        isStopping = true
        wake.notify()
    }

    private func work() async {
        if decodes { await parts.decoders.warmUp() }
        // What is finished after a stop must not be cancelled with the task.
        await Task {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.extendLeases() }
                group.addTask { await self.expireLeases() }
                await runLanes()
                areLanesDone = true
                wake.notify()
            }
        }.value
    }

    private var decodes: Bool { parts.settings.stages.contains(.decode) }

    // MARK: Models

    private func runLanes() async {
        await withDiscardingTaskGroup { group in
            while !isStopping {
                let seen = wake.generation
                await useModelsInUse(&group)
                await wake.wait(since: seen, upTo: parts.settings.modelInterval)
            }
            for lane in lanes.values { await lane.stop() }
        }
    }

    /// Brings the lanes in line with the models in use. Another version is loaded and verified while the one before
    /// goes on; only then do they change places.
    private func useModelsInUse(_ group: inout DiscardingTaskGroup) async {
        let models: [RegisteredModel]
        do {
            models = try await parts.store.modelsInUse()
            outage.isOver()
        } catch {
            _ = outage.pause(after: error)
            return
        }
        let wanted = Set(models.map(\.digest))
        if wanted.isEmpty, lastTargets != [] {
            parts.logger.warning("no model is active: nothing is scored until one is")
        }
        shadows = Set(models.filter { $0.state == .shadow }.map(\.digest))
        for model in models where lanes[model.digest] == nil && !isStopping {
            if let moment = failures[model.digest], .now - moment < Self.reloadPause { continue }
            do {
                let loaded = try await load(model)
                failures[model.digest] = nil
                let lane = ModelLane(model: loaded, parts: parts)
                await lane.claims { await self.mayClaim(model.digest) }
                lanes[model.digest] = lane
                parts.logger.notice("\(loaded.scoring == nil ? "decoding for" : "scoring with") \(model.reference)")
                group.addTask { await lane.run() }
            } catch {
                failures[model.digest] = .now
                parts.logger.error("\(model.reference) can't be used here, and is tried again in a minute: \(error)")
            }
        }
        for (digest, lane) in lanes where !wanted.contains(digest) {
            lanes[digest] = nil
            await lane.stop()
            parts.logger.notice("no longer working for \(lane.model.package.digest)")
        }
        if wanted != lastTargets || .now - lastRetarget > Self.retargetInterval {
            do {
                try await parts.store.retargetJobs()
                (lastTargets, lastRetarget) = (wanted, .now)
                parts.signal.notify()
            } catch {
                _ = outage.pause(after: error)
            }
        }
    }

    /// After which time a model that could not be loaded is tried again.
    private static let reloadPause = Duration.seconds(60)
    /// How often it is looked for jobs that came back for a model not in use any more.
    private static let retargetInterval = Duration.seconds(30)

    /// Active models always; a shadow only while the active ones have nothing to do.
    private func mayClaim(_ digest: String) async -> Bool {
        guard shadows.contains(digest) else { return true }
        for (other, lane) in lanes where !shadows.contains(other) {
            if await !lane.isIdle { return false }
        }
        return true
    }

    // MARK: Leases

    private func extendLeases() async {
        while !areLanesDone {
            await wake.wait(since: wake.generation, upTo: parts.settings.lease / 4)
            for lane in Array(lanes.values) {
                let asked = await lane.leases
                do {
                    await lane.keep(try await parts.store.extend(asked, by: parts.settings.lease), of: asked)
                } catch {
                    parts.logger.warning("leases could not be extended, and will be tried again: \(error)")
                }
            }
        }
    }

    private func expireLeases() async {
        var hasAdopted = false
        while !isStopping {
            do {
                let folder =
                    decodes ? try await parts.reading.run { [folder = parts.folder] in try folder.identity() } : nil
                if let folder, !hasAdopted {
                    let adopted = try await parts.store.adoptJobs(into: folder, host: parts.settings.host)
                    if adopted > 0 { parts.logger.notice("\(adopted) jobs of an earlier version are done here") }
                    hasAdopted = true
                }
                let moved = try await parts.store.undoClockSetBack(in: folder, policy: parts.settings.retries)
                if moved > 0 {
                    parts.logger.warning(
                        "the database's clock was set back: \(moved) jobs were of the future, and are due now")
                }
                let count = try await parts.store.expireLeases(policy: parts.settings.retries)
                if count > 0 { parts.logger.notice("\(count) leases of workers not heard of have ended") }
            } catch {
                parts.logger.debug("leases could not be looked through: \(error)")
            }
            await wake.wait(since: wake.generation, upTo: min(.seconds(10), parts.settings.lease / 4))
        }
    }
}
