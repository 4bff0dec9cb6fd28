public import Store
import Synchronization

/// Counts what came in since this process began, by way and outcome.
public final class IntakeTally: Sendable {
    /// What is counted apart.
    public struct Kind: Hashable, Sendable {
        /// The way it took.
        public var way: IntakeSource.Way
        /// What it turned out to be; nil where it could not be taken in.
        public var outcome: IntakeOutcome?
    }

    private let counts = Mutex<[Kind: Int]>([:])

    /// Nothing yet.
    init() {}

    func count(_ way: IntakeSource.Way, _ outcome: IntakeOutcome?) {
        counts.withLock { $0[Kind(way: way, outcome: outcome), default: 0] += 1 }
    }

    /// The counts now; a kind that is not there has none.
    public var current: [Kind: Int] { counts.withLock { $0 } }
}
