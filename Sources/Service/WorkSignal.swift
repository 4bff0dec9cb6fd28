import Synchronization

/// Wakes the parts of a process that wait for work: a hint, without which they look for it in a while anyway.
public final class WorkSignal: Sendable {
    private struct State {
        var generation = 0
        var lastWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Those whose wait was over before it had begun.
        var early: Set<Int> = []
    }
    private let state = Mutex(State())

    /// A signal that nobody waits for yet.
    public init() {}

    /// Wakes everybody who waits.
    public func notify() {
        let waiters = state.withLock { state in
            state.generation += 1
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Counts notifications: what was seen before a look for work tells whether one came since.
    public var generation: Int { state.withLock { $0.generation } }

    /// Waits until somebody notifies who had not by `generation`, the task is cancelled, or `limit` has passed.
    public func wait(since generation: Int, upTo limit: Duration) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            self.release(id)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.generation == generation, state.early.remove(id) == nil else { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            release(id)
        }
        timer.cancel()
        // The timer may fire at this moment, for nobody.
        await timer.value
        state.withLock { _ = $0.early.remove(id) }
    }

    private func release(_ id: Int) {
        let waiter = state.withLock { state in
            let waiter = state.waiters.removeValue(forKey: id)
            if waiter == nil { state.early.insert(id) }
            return waiter
        }
        waiter?.resume()
    }
}
