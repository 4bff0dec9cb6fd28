import Dispatch
import Synchronization

/// Waiting for asynchronous work on a thread that may wait: one of one's own, never one of Swift's, nor of Dispatch's,
/// which are few and on which connections work.
public enum Blocking {
    /// What `body` returns or throws.
    public static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Value, any Error>?>(nil)
        Task {
            let value: Result<Value, any Error>
            do {
                value = .success(try await body())
            } catch {
                value = .failure(error)
            }
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return try result.withLock { $0! }.get()
    }
}
