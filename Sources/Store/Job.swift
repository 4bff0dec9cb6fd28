public import Foundation
public import Postgres

/// How urgent a job is.
public enum JobPriority: Int, Sendable, CaseIterable {
    /// Before the others.
    case stat = 0
    case normal = 1

    /// As commands and JSON say it.
    public var name: String {
        switch self {
        case .stat: "stat"
        case .normal: "normal"
        }
    }
}

/// How far a job has come on its way from bytes to a score.
public enum JobStage: String, Sendable, CaseIterable {
    /// To be read, decoded, rendered and judged, where its bytes lie.
    case decode
    /// Rendered and let through: to be scored from the stored rendering, anywhere.
    case score
}

/// The jobs that a worker can do.
public enum JobSelection: Sendable, Equatable {
    /// Those at the first stage whose bytes lie in the object folder of this identity.
    case toDecode(in: UUID)
    /// Those at the second stage.
    case toScore
}

/// A job that a worker has leased: one object to be scored with one model.
public struct Job: Sendable, Equatable {
    /// Its number in the queue.
    public var id: Int64
    /// Digest of the object's bytes, which lie in the object folder.
    public var objectSHA256: String
    /// The model in use when the job was leased.
    public var modelDigest: String
    /// What is to be done next.
    public var stage: JobStage
    /// How urgent it is.
    public var priority: JobPriority
    /// Leases that were counted, this one included.
    public var attempts: Int
    /// Of this lease alone: whoever holds an older one can't end the job any more.
    public var token: Int64
}

/// How often a job is tried, and when again.
public struct RetryPolicy: Sendable, Equatable {
    /// A job that failed so often is dead until a person looks at it.
    public var maximumAttempts = 10
    /// Seconds until the second attempt; doubled for each one after it.
    public var firstPause = 30.0
    /// Seconds that a pause does not exceed.
    public var longestPause = 600.0

    /// Ten attempts, after 30 s, 1, 2, 4, 8 and then every 10 minutes.
    public init() {}
}

/// A job as people look at it: in the queue, or ended.
public struct JobEntry: Sendable, Equatable {
    /// Where a job stands.
    public enum State: String, Sendable, CaseIterable {
        case waiting, leased
        /// Failed as often as is tried.
        case dead
        /// Scored, and recorded.
        case done
        /// Got no score, with a recorded reason.
        case refused
        case cancelled

        /// Whether the job is in the queue, rather than in its history.
        var isInQueue: Bool { [.waiting, .leased, .dead].contains(self) }
    }

    /// Its number in the queue.
    public var id: Int64
    /// Where it stands.
    public var state: State
    /// In the queue: what is to be done next, or is being done.
    public var stage: JobStage?
    /// Digest of the object's bytes.
    public var objectSHA256: String
    /// NAME@VERSION; nil until a model is active.
    public var model: String?
    /// How urgent it is.
    public var priority: JobPriority
    /// Leases that were counted.
    public var attempts: Int
    /// When it was queued.
    public var createdAt: Timestamp
    /// waiting: from when on it may be taken.
    public var dueAt: Timestamp?
    /// Who has or had it.
    public var worker: String?
    /// leased: until when the lease runs unless it is extended.
    public var leasedUntil: Timestamp?
    /// When it ended.
    public var finishedAt: Timestamp?
    /// dead, or waiting after a failure: what the last attempt failed of. refused, cancelled: why.
    public var code, message: String?
    /// done: the record.
    public var inferenceID: UUID?
    /// Whether the record is a shadow model's.
    public var isShadow: Bool
}

/// An attempt at a job that came to nothing.
public struct JobAttempt: Sendable, Equatable {
    /// Its number.
    public var attempt: Int
    /// Who made it.
    public var worker: String
    /// `failed`, `expired` or `returned`.
    public var outcome: String
    /// Why, as a code and in words, without personal data.
    public var code, message: String
    public var beganAt, endedAt: Timestamp
}

/// How an object's job ended.
public struct JobEnding: Sendable, Equatable {
    /// The object's SOP Instance UID.
    public var sopInstanceUID: String
    /// `done`, `refused` or `cancelled`.
    public var state: JobEntry.State
    /// refused, cancelled: why.
    public var reason: String?
    /// done: the recorded risk.
    public var risk: Double?
}
