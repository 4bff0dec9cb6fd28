import Decoding
import Foundation
import Ledger
import Logging
import Postgres
import Store

/// How this installation stands: what `/readyz` and `/metrics` tell.
actor ServiceHealth {
    /// What was found. Nil where it could not be asked for.
    struct Findings: Sendable {
        var queue: QueueStatus?
        var ledger: LedgerStatus?
        /// Models that what comes in is scored with, shadows left out.
        var activeModels: Int?
        var freeBytes: Int?
        var gate: IntakeGate.Answer
    }

    private let desk: IntakeDesk
    private let gate: IntakeGate
    private let store: Store
    private let logger: Logger
    private let queue = ComputeQueue("health", concurrent: true)
    private var newest: (at: ContinuousClock.Instant, findings: Task<Findings, Never>)?

    /// However many ask, and however often, the database is asked once in this time.
    private static let interval = Duration.seconds(1)
    /// A database that has not answered by then does not answer.
    private let patience: Duration

    init(desk: IntakeDesk, gate: IntakeGate, store: Store, patience: Duration, logger: Logger) {
        self.patience = patience
        self.desk = desk
        self.gate = gate
        self.store = store
        self.logger = logger
    }

    /// Findings no older than a second.
    func findings() async -> Findings {
        if let newest, .now - newest.at < Self.interval { return await newest.findings.value }
        let look = Task { await self.look() }
        newest = (.now, look)
        return await look.value
    }

    private nonisolated func look() async -> Findings {
        async let queueStatus = answer { try await $0.queueStatus() }
        async let ledger = answer { try await $0.ledgerStatus() }
        async let models = answer { try await $0.modelsInUse().filter { $0.state == .active }.count }
        let free = try? await queue.run { [folder = desk.folder] in try folder.freeBytes() }
        return await Findings(
            queue: queueStatus, ledger: ledger, activeModels: models, freeBytes: free, gate: gate.answer())
    }

    private nonisolated func answer<Value: Sendable>(
        _ question: @escaping @Sendable (Store) async throws -> Value
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { [store, logger, patience] group in
            group.addTask {
                do { return try await question(store) } catch {
                    logger.debug("the database was asked how it stands: \(error)")
                    return nil
                }
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

extension ServiceHealth.Findings {
    /// Why nothing should be sent here, by what is the matter; empty when all is well.
    var obstacles: JSONObject {
        var obstacles = JSONObject()
        if activeModels == nil { obstacles["database"] = .string("it does not answer") }
        if activeModels == 0 { obstacles["model"] = .string("none is active: longview model activate") }
        if case .closed(let reason) = gate { obstacles["intake"] = .string(reason) }
        return obstacles
    }

    /// All of it as metrics, with what came in through this process.
    func metrics(_ intakes: [IntakeTally.Kind: Int], now: Date) -> String {
        var text = PrometheusText()
        text.add(
            "longview_database_up", .gauge, "Whether the database answered in time.",
            activeModels == nil ? 0 : 1)
        text.add(
            "longview_active_models", .gauge, "Models that what comes in is scored with.", activeModels.map(Double.init)
        )
        text.add(
            "longview_free_bytes", .gauge, "Free bytes on the disk of objects.", freeBytes.map(Double.init))
        text.add(
            "longview_intake_open", .gauge, "Whether objects are taken in: there is room on the disk and in the queue.",
            gate == .open ? 1 : 0)
        text.add(
            "longview_intakes_total", .counter, "Objects handed in to this process since it began.",
            intakes.map { kind, count in
                PrometheusText.Sample(
                    labels: [("way", kind.way.rawValue), ("outcome", kind.outcome?.rawValue ?? "failed")],
                    value: Double(count))
            }.sorted { $0.labels.map(\.value).lexicographicallyPrecedes($1.labels.map(\.value)) })
        if let queue { Self.add(queue, to: &text) }
        if let ledger { Self.add(ledger, now: now, to: &text) }
        return text.text
    }

    private static func add(_ queue: QueueStatus, to text: inout PrometheusText) {
        let states = [
            ("waiting_stat", queue.waitingSTAT), ("waiting_normal", queue.waitingNormal), ("pausing", queue.pausing),
            ("leased", queue.leased), ("dead", queue.dead),
        ]
        text.add(
            "longview_queue_jobs", .gauge, "Jobs in the queue by state.",
            states.map { .init(labels: [("state", $0.0)], value: Double($0.1)) })
        text.add(
            "longview_queue_rendered_jobs", .gauge, "Waiting jobs that are rendered and wait for a network.",
            Double(queue.rendered))
        text.add(
            "longview_queue_without_model_jobs", .gauge, "Waiting jobs that no model in use is for.",
            Double(queue.withoutModel))
        text.add(
            "longview_queue_oldest_waiting_seconds", .gauge, "Age of the oldest job that may be taken; 0 without one.",
            queue.oldestWaitingSeconds ?? 0)
        text.add(
            "longview_queue_conflicting_objects", .gauge,
            "Objects held back as other bytes are known under their SOP Instance UID.", Double(queue.conflicts))
        text.add(
            "longview_jobs_ended_last_hour", .gauge,
            "Jobs that ended in the last hour: with an inference, or a refusal.",
            [("done", queue.doneLastHour), ("refused", queue.refusedLastHour)].map {
                .init(labels: [("state", $0.0)], value: Double($0.1))
            })
    }

    private static func add(_ ledger: LedgerStatus, now: Date, to text: inout PrometheusText) {
        text.add("longview_ledger_entries", .gauge, "Entries that have their places.", Double(ledger.size))
        text.add("longview_ledger_waiting_entries", .gauge, "Entries that wait for one.", Double(ledger.waiting))
        text.add("longview_ledger_rejected_entries", .gauge, "What was put aside as no entry.", Double(ledger.rejected))
        text.add(
            "longview_ledger_checkpoint_entries", .gauge, "The size of the newest checkpoint.",
            ledger.checkpointSize.map(Double.init))
        text.add(
            "longview_ledger_checkpoint_age_seconds", .gauge, "Age of the newest checkpoint.",
            ledger.checkpointTime.map { now.timeIntervalSince1970 - Double($0.microseconds) / 1_000_000 })
        text.add(
            "longview_ledger_alarm", .gauge, "Whether publication has stopped for an alarm.",
            ledger.alarm == nil ? 0 : 1)
    }
}
