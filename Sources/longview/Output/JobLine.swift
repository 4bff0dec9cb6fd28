import Store

/// One job as JSON.
struct JobLine: Encodable {
    private struct Attempt: Encodable {
        var attempt: Int
        var worker, outcome, code, message, began_at, ended_at: String
    }

    private var job_id: Int64
    private var state: String
    private var stage: String?
    private var object_sha256: String
    private var model: String?
    private var priority: String
    private var attempts: Int
    private var created_at: String
    private var due_at, worker, leased_until, finished_at, code, message, inference_id: String?
    private var shadow: Bool
    private var failures: [Attempt]?

    init(_ entry: JobEntry, attempts: [JobAttempt]? = nil) {
        job_id = entry.id
        state = entry.state.rawValue
        stage = entry.stage?.rawValue
        object_sha256 = entry.objectSHA256
        model = entry.model
        priority = entry.priority.name
        self.attempts = entry.attempts
        created_at = entry.createdAt.description
        due_at = entry.dueAt?.description
        worker = entry.worker
        leased_until = entry.leasedUntil?.description
        finished_at = entry.finishedAt?.description
        (code, message) = (entry.code, entry.message)
        inference_id = entry.inferenceID?.uuidString.lowercased()
        shadow = entry.isShadow
        failures = attempts?.map {
            Attempt(
                attempt: $0.attempt, worker: $0.worker, outcome: $0.outcome, code: $0.code, message: $0.message,
                began_at: $0.beganAt.description, ended_at: $0.endedAt.description)
        }
    }
}
