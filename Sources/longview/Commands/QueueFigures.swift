import Foundation
import Inference
import Scoring

/// What a round of `bench queue` found; the fields are those that docs/performance.md explains.
struct QueueFigures: Encodable {
    /// Of milliseconds.
    struct Spread: Encodable {
        let median, p95: Double

        /// Nil where there is nothing.
        init?(_ values: [Double]) {
            guard !values.isEmpty else { return nil }
            median = values.median
            p95 = values.sorted()[Int((0.95 * Double(values.count)).rounded(.up)) - 1]
        }

        var text: String {
            "median \(median.formatted(decimals: 0)) ms, 95 % within \(p95.formatted(decimals: 0)) ms"
        }
    }

    let model: String
    let radiographs, associations: Int
    let seconds, radiographs_per_minute: Double
    /// From the answer to C-STORE to the committed record: in the crowd, and of radiographs sent one by one.
    let latency_ms, lone_ms: Spread?
    let network_seconds, overhead: Double
    let batch, views, threads: Int
    /// Processor time: of the network alone; then of the server with its decoders, of PostgreSQL, and of this process, which
    /// sends and waits.
    let network_cpu_ms, server_cpu_ms, postgres_cpu_ms, sender_cpu_ms: Double
    let cpu: String
    let cores: Int
    let kernels: String
    /// The risk of each SOP Instance UID, where asked for.
    var risks: [String: Double]?

    init(
        _ model: ScoringModel, _ network: NetworkTime, associations: Int, crowd: Passage, lone: [Double],
        alone: (wall: Double, processor: Double), processors: Processors
    ) {
        self.model = "\(model.package.description.name)@\(model.package.description.version)"
        radiographs = crowd.count
        self.associations = associations
        seconds = crowd.seconds
        radiographs_per_minute = Double(crowd.count) / crowd.seconds * 60
        latency_ms = Spread(crowd.latencies)
        lone_ms = Spread(lone)
        network_seconds = alone.wall / 1e3
        overhead = crowd.seconds / network_seconds - 1
        batch = network.batch
        views = network.views
        threads = model.network.engine.threads
        network_cpu_ms = alone.processor
        server_cpu_ms = processors.server
        postgres_cpu_ms = processors.database
        sender_cpu_ms = processors.sender
        cpu = Machine.processor
        cores = ProcessInfo.processInfo.activeProcessorCount
        kernels = model.network.engine.kernels.rawValue
        risks = crowd.risks
    }

    /// For people.
    var lines: [String] {
        var text = Sections()
        text.section("\(model), \(radiographs) radiographs over \(associations) associations")
        text.add("rate", "\(radiographs_per_minute.formatted(decimals: 0)) a minute")
        text.add(
            "first to last", "\(seconds.formatted(decimals: 2)) s from the first C-STORE to the last committed record")
        text.add(
            "network alone",
            "\(network_seconds.formatted(decimals: 2)) s in batches of \(batch) with \(views) views each")
        text.add("overhead", "\((overhead * 100).formatted(decimals: 1)) %")
        func each(_ milliseconds: Double) -> String { (milliseconds / Double(radiographs)).formatted(decimals: 1) }
        text.add(
            "processor time",
            "\(each(network_cpu_ms)) ms a radiograph for the network alone; server \(each(server_cpu_ms)), "
                + "PostgreSQL \(each(postgres_cpu_ms)), sender \(each(sender_cpu_ms))")
        text.add("answer to record", latency_ms?.text)
        text.add("a lone one", lone_ms?.text)
        return text.lines
    }
}
