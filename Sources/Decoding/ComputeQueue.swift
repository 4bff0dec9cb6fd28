import Dispatch

/// Runs blocking work on threads of its own, so that Swift's cooperative threads stay free.
public struct ComputeQueue: Sendable {
    private let queue: DispatchQueue

    /// - Parameter concurrent: whether several pieces of work may run at once; otherwise one after another.
    public init(_ name: String, concurrent: Bool) {
        queue = DispatchQueue(label: "longview.\(name)", attributes: concurrent ? .concurrent : [])
    }

    /// What `work` returns or throws.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }
}
