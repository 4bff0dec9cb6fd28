import Synchronization
import TestSupport

/// What senders of a soak sent, and what they were told.
final class SoakTally: Sendable {
    /// How an object is sent.
    enum Kind: Int {
        case good
        /// A good one that was sent before.
        case again
        case slow, web
        /// With many others at once, before the soak begins.
        case crowd
        /// To be stored, and refused by the worker.
        case bad
        /// In an association that is damaged on its way.
        case mutant

        /// The number of this kind's object `index`, as `SmallRadiograph` counts.
        func number(_ index: Int) -> Int { (self == .again ? Self.good : self).rawValue * 1_000_000 + index }

        func uid(_ index: Int) -> String { SmallRadiograph.sopInstanceUID(number(index)) }
    }

    struct Counts {
        /// SOP Instance UIDs of what is to be scored.
        var sent: Set<String> = [], acknowledged: Set<String> = []
        /// Those of what is to be refused.
        var bad: Set<String> = []
        /// From the beginning of an association with one object to its end.
        var sending: [Latency] = []
        /// How often what happened.
        var events: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())

    var now: Counts { counts.withLock { $0 } }

    func count(_ event: String) { counts.withLock { $0.events[event, default: 0] += 1 } }

    func sending(_ kind: Kind, _ index: Int) {
        if kind != .bad { _ = counts.withLock { $0.sent.insert(kind.uid(index)) } }
    }

    func acknowledged(_ kind: Kind, _ index: Int) {
        let uid = kind.uid(index)
        counts.withLock {
            if kind == .bad { $0.bad.insert(uid) } else { $0.acknowledged.insert(uid) }
            $0.events["\(kind)", default: 0] += 1
        }
    }

    func took(_ latency: Latency) { counts.withLock { $0.sending.append(latency) } }
}
