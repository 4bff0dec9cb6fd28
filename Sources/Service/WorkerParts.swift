import Decoding
import Inference
import Logging
import Postgres
import Scoring
import Store

/// What the lanes of a worker share.
struct WorkerParts: Sendable {
    let store: Store
    let folder: ObjectFolder
    let decoders: DecoderPool
    let settings: WorkerSettings
    let signal: WorkSignal
    let logger: Logger
    /// Reading and compressing.
    let reading = ComputeQueue("worker", concurrent: true)
    /// One run of a network at a time: each uses all threads.
    let scoring = ComputeQueue("score", concurrent: false)
}

/// Something that does not answer: said once, tried again at growing intervals, and said when it is over.
struct Outage {
    private let logger: Logger
    private let what: String
    private var began: ContinuousClock.Instant?
    private var next = Duration.milliseconds(250)

    init(_ logger: Logger, _ what: String) {
        self.logger = logger
        self.what = what
    }

    /// Seconds since it began.
    var seconds: Double { began.map { (.now - $0) / .seconds(1) } ?? 0 }

    /// How long to wait before the next try: from a quarter of a second to ten.
    mutating func pause(after error: any Error) -> Duration {
        if began == nil {
            began = .now
            logger.warning("\(what); trying again until it works: \(error)")
        }
        defer { next = min(next * 2, .seconds(10)) }
        return next
    }

    mutating func isOver() {
        guard began != nil else { return }
        logger.notice("\(what): over after \(Int(seconds.rounded())) s")
        (began, next) = (nil, .milliseconds(250))
    }
}

/// What is kept of an error with an attempt: a code, and words without personal data.
enum FailureText {
    static func of(_ error: any Error) -> (code: String, message: String) {
        switch error {
        case let error as ObjectFolderError: (error.code.rawValue, error.description)
        case let error as DecoderError: (error.code.rawValue, error.description)
        case let error as RenderingError:
            (error.rawValue, "what was rendered can't be used, and is rendered again")
        case let error as InferenceError: (error.code.rawValue, "\(error)")
        case let error as PostgresError: ("record_\(error.code.rawValue)", error.description)
        // What others say might quote the object.
        default: ("unexpected", "an error of the type \(type(of: error))")
        }
    }
}
