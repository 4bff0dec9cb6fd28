import Dispatch

/// Runs one connection's work on a queue of its own, one job at a time, so that libpq may block there.
///
/// The queue takes its thread from outside Swift's cooperative pool.
final class ConnectionExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "longview.postgres.connection")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }

    func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
