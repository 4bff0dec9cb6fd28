public import Store

/// How a worker works.
public struct WorkerSettings: Sendable {
    /// What is done here. Where both are, what was decoded is scored at once; else it is handed over by the database.
    public var stages = Set(JobStage.allCases)
    /// Where nothing is scored: so many radiographs of a model may wait rendered before no more are.
    public var renderedAhead = 500
    /// Radiographs that are scored in one run of the network when so many are ready; the first is never kept waiting.
    public var largestBatch = 4
    /// Jobs that a worker has at once for each model, decoded and not.
    public var jobsInHand = 12
    /// Objects of a model that are read and decoded at once: their bytes are in memory meanwhile.
    public var decodedAtOnce = 3
    /// How long a lease runs; it is extended four times in that time.
    public var lease = Duration.seconds(120)
    /// How often the queue is looked into where nothing wakes the worker.
    public var pollInterval = Duration.milliseconds(500)
    /// How often a worker that decodes looks for what another one rendered.
    public var renderedInterval = Duration.seconds(2)
    /// How often it is looked which models are in use.
    public var modelInterval = Duration.seconds(2)
    /// When failed attempts are made again.
    public var retries = RetryPolicy()
    /// Recorded with every score and every attempt.
    public var longviewVersion, host: String
    /// The worker's name among leases.
    public var name: String

    var renderer: Renderer { Renderer(host: host, longviewVersion: longviewVersion) }

    /// The settings that hold unless others are given, for a worker of a process of this program on `host`.
    public init(longviewVersion: String, host: String, process: Int32) {
        self.longviewVersion = longviewVersion
        self.host = host
        name = "\(host):\(process)"
    }
}
