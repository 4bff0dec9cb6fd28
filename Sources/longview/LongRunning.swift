import Decoding
import Foundation
import Glibc
import Ledger
import Logging
import Scoring
import Service
import ServiceLifecycle
import Store

/// What the long-running commands are put together of: each part a service, in any combination, in one process.
struct LongRunning {
    let settings: Settings
    let store: Store
    let folder: ObjectFolder
    let decoders: DecoderPool
    /// From whatever takes objects in to the workers of this process.
    let signal = WorkSignal()
    let desk: IntakeDesk
    let gate: IntakeGate
    let logger: Logger

    /// Opens the database; and, for what `handlesObjects`, the object folder, and sees that decoders are confined.
    init(_ settings: Settings, handlesObjects: Bool = true) async throws {
        FreeMemory.limit()
        self.settings = settings
        var logger = Program.logger
        // Starts, stops and outages are told, unless LOG_LEVEL says otherwise.
        if settings.environment["LOG_LEVEL"] == nil { logger.logLevel = .notice }
        self.logger = logger
        decoders = settings.confinedDecoders
        folder = settings.objects
        if handlesObjects {
            _ = try await decoders.confinement()
            try await ComputeQueue("command", concurrent: false).run { [folder] in try folder.prepare() }
        }
        store = try await settings.openStore(as: .service, connections: 14)
        desk = IntakeDesk(folder: folder, store: store, signal: signal, logger: logger)
        gate = IntakeGate(folder: folder, store: store)
    }

    /// A worker with this machine's models.
    func worker(_ options: WorkerOptions) -> Worker {
        var worker = WorkerSettings(longviewVersion: Program.version, host: Program.host, process: getpid())
        worker.lease = .seconds(options.lease)
        worker.stages = options.stages
        // Nothing wakes it when another machine has rendered something.
        if options.stages == [.score] { worker.pollInterval = .milliseconds(200) }
        return Worker(
            store: store, folder: folder, decoders: decoders, settings: worker, signal: signal, logger: logger
        ) { [settings] model in
            options.stages.contains(.score)
                ? WorkerModel(try await LoadedModel.load(model, settings: settings, threads: options.threads))
                : try await LoadedModel.loadForRendering(model, settings: settings)
        }
    }

    /// Removal of objects' bytes after `days`.
    func retention(days: Int) -> ObjectRetention {
        ObjectRetention(folder, store: store, days: days, logger: logger)
    }

    /// A watcher that hands in at the desk.
    func watcher(_ watched: FolderWatcher.Settings) -> FolderWatcher {
        FolderWatcher(watched, desk: desk, gate: gate, store: store, decoders: decoders, logger: logger)
    }

    /// Runs `services`; see ``Store/run(_:_:logger:)``.
    func run(_ component: String, _ services: [any ServiceLifecycle.Service]) async throws {
        // Told to stop first, as it comes last.
        try await store.run(component, services + [FreeMemory()], logger: logger)
    }
}

extension Store {
    /// Runs `services` until SIGTERM or SIGINT, upon which each finishes what it must; the last is told to stop first.
    /// That `component` began and ended is recorded, and the store is closed.
    func run(_ component: String, _ services: [any ServiceLifecycle.Service], logger: Logger) async throws {
        let process = Int(getpid())
        try await append(.start(StartEntry(component: component, processID: process)))
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        let result: Result<Void, any Error>
        do {
            result = .success(try await group.run())
        } catch {
            result = .failure(error)
        }
        do {
            let reason = if case .success = result { "requested" } else { "failed" }
            try await append(.stop(StopEntry(component: component, processID: process, reason: reason)))
        } catch {
            logger.warning("the end of \(component) could not be recorded: \(error)")
        }
        await close()
        try result.get()
    }
}
