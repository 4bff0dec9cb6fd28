import Decoding
public import Store

/// Whether more may be taken in: receivers ask before they accept an object.
///
/// Closed, a DICOM sender hears A700 (out of resources), a web client 503; both send again later.
public actor IntakeGate {
    /// Below and above what the gate is closed.
    public struct Marks: Sendable, Equatable {
        /// Bytes that stay free on the disk of the object folder.
        public var freeBytes = 2 << 30
        /// Jobs that wait at most.
        public var waitingJobs = 100_000

        /// 2 GiB and 100,000 jobs.
        public init() {}
    }

    /// What the gate says.
    public enum Answer: Sendable, Equatable {
        case open
        /// Why not, in words without personal data.
        case closed(String)
    }

    private let folder: ObjectFolder
    private let store: Store
    private let marks: Marks
    private let queue = ComputeQueue("gate", concurrent: false)
    private var diskAnswer = (at: ContinuousClock.Instant?.none, answer: Answer.open)
    private var queueAnswer = (at: ContinuousClock.Instant?.none, answer: Answer.open)

    /// How long an answer is good for: the disk is asked cheaply, the queue is not.
    private static let diskInterval = Duration.seconds(1), queueInterval = Duration.seconds(10)

    /// A gate before `folder` and the queue of `store`.
    public init(folder: ObjectFolder, store: Store, marks: Marks = Marks()) {
        self.folder = folder
        self.store = store
        self.marks = marks
    }

    /// What it says now; seldom older than a second, for the queue ten. A database that can't be asked leaves the last
    /// answer about the queue standing: whether the object can be entered will be seen.
    public func answer() async -> Answer {
        if isOld(diskAnswer.at, Self.diskInterval) { diskAnswer = (.now, await askDisk()) }
        guard diskAnswer.answer == .open else { return diskAnswer.answer }
        if isOld(queueAnswer.at, Self.queueInterval) {
            queueAnswer.at = .now
            if let isLong = try? await store.queueExceeds(marks.waitingJobs) {
                queueAnswer.answer = isLong ? .closed("more than \(marks.waitingJobs) jobs wait") : .open
            }
        }
        return queueAnswer.answer
    }

    private func isOld(_ moment: ContinuousClock.Instant?, _ age: Duration) -> Bool {
        moment.map { .now - $0 > age } ?? true
    }

    private func askDisk() async -> Answer {
        do {
            let free = try await queue.run { [folder] in try folder.freeBytes() }
            return free < marks.freeBytes
                ? .closed("\(free >> 20) MiB are free on the disk of objects, less than \(marks.freeBytes >> 20)")
                : .open
        } catch {
            return .closed("\(error)")
        }
    }
}
