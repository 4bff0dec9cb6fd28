import Foundation

/// Blocking work off Swift's cooperative threads.
enum OwnThread {
    /// The result of `work`, which runs on a thread that may block.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
        }
    }
}
