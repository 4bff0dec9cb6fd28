import ArgumentParser
import Decoding
import Foundation
import Inference

struct BenchModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Time a network on random pictures.",
        discussion: """
            Measures the model that --model names, or with --architecture a network of that shape with seeded random \
            weights. Each iteration runs the whole batch once; a tenth as many, at least two, go before and don't count.
            """)

    @Option(help: "The folder of a package, or NAME or NAME@VERSION of a registered model.")
    var model: String?

    @Option(help: "inception-v4: with the CXR-Risk head.")
    var architecture: String?

    @Option(help: "With --architecture: factor of all channel counts.")
    var width = 1.0

    @Option(help: "With --architecture: rows and columns of a picture.")
    var size = 224

    @Option(help: "With --architecture: float32 or int8.", transform: arithmetic(named:))
    var arithmetic = Arithmetic.float32

    private static func arithmetic(named name: String) throws -> Arithmetic {
        guard let arithmetic = Arithmetic(rawValue: name) else {
            throw ValidationError("“\(name)” is no arithmetic; there are float32 and int8")
        }
        return arithmetic
    }

    @Option(help: "Pictures at once.")
    var batch = 1

    @Option(help: "Threads that compute; the default is LONGVIEW_THREADS, else one a core.")
    var threads: Int?

    @Option(help: "Runs that count.")
    var iterations = 20

    @Flag(help: "One JSON object.")
    var json = false

    @Flag(help: "Also the time of each class of layers, and how many multiply-adds a second that is.")
    var layers = false

    func validate() throws {
        if (model == nil) == (architecture == nil) { throw ValidationError("give either --model or --architecture") }
        if let architecture, architecture != "inception-v4" {
            throw ValidationError("the architecture “\(architecture)” is unknown; there is inception-v4")
        }
        guard 1...100_000 ~= iterations else { throw ValidationError("--iterations must be 1 to 100000") }
        guard 1...4096 ~= batch else { throw ValidationError("--batch must be 1 to 4096") }
        guard 75...4096 ~= size else { throw ValidationError("--size must be 75 to 4096") }
        guard width > 0, width <= 8 else { throw ValidationError("--width must be above 0 and at most 8") }
    }

    /// What is printed; the fields are those that docs/performance.md explains.
    private struct Result: Encodable {
        var model: String
        var batch, threads: Int
        var median_ms, min_ms: Double
        var iterations: Int
        var per_image_ms: Double
        /// Processor time of a run, all threads together: for a machine that is busy otherwise, with one thread.
        var cpu_ms: Double
        var cpu, kernels: String
        var peak_rss_mib: Double
    }

    func run() async throws {
        let settings = Settings()
        let options = try settings.execution(threads: threads)
        let (name, network) = try await subject(settings, options)
        let (result, profile) = try await ComputeQueue("command", concurrent: false).run { try measure(name, network) }
        if json { return Console.out(try JSONLine.text(result)) }
        var text = Sections()
        text.section(result.model)
        text.add("batch", "\(result.batch)")
        text.add("median", "\(result.median_ms.formatted(decimals: 3)) ms")
        text.add("fastest", "\(result.min_ms.formatted(decimals: 3)) ms of \(result.iterations)")
        text.add("a picture", "\(result.per_image_ms.formatted(decimals: 3)) ms")
        text.add("computed by", "\(result.threads) threads, \(result.kernels) kernels, \(result.cpu)")
        text.add("peak memory", "\(result.peak_rss_mib.formatted(decimals: 1)) MiB")
        for line in text.lines { Console.out(line) }
        guard layers else { return }
        var table = Table(["LAYERS", "NUMBER", "MS", "GMAC", "GMAC/S"])
        for layer in profile {
            let gigas = Double(layer.multiplyAdds) / 1e9
            table.add([
                layer.description, "\(layer.layers)", layer.milliseconds.formatted(decimals: 3),
                gigas.formatted(decimals: 3), (gigas / layer.milliseconds * 1e3).formatted(decimals: 1),
            ])
        }
        for line in table.lines { Console.out(line) }
    }

    private func subject(_ settings: Settings, _ options: ExecutionOptions) async throws -> (String, Network) {
        if let model {
            let (folder, _) = try await LoadedModel.folder(model, settings: settings)
            let (package, network) = try await ComputeQueue("command", concurrent: false).run {
                let package = try ModelPackage.open(folder)
                return (package, try package.makeNetwork(options: options))
            }
            return ("\(package.description.name)@\(package.description.version)", network)
        }
        let input = FeatureShape(channels: 3, height: size, width: size)
        let graph = InceptionV4.cxrRisk(width: width, hidden: 512, classes: 2, input: input)
        let network = try await ComputeQueue("command", concurrent: false).run {
            let weights =
                switch arithmetic {
                case .float32: try SafetensorsFile.seeded(for: graph, seed: 1)
                case .int8: try SafetensorsFile.seededQuantised(for: graph, seed: 1)
                }
            return try Network(graph: graph, weights: weights, arithmetic: arithmetic, options: options)
        }
        return ("inception-v4, \(arithmetic.rawValue), width \(width), \(size) × \(size)", network)
    }

    private func measure(_ name: String, _ network: Network) throws -> (Result, [LayerTime]) {
        let shape = network.graph.input
        let input = NetworkTime.input(shape, batch)
        for _ in 0..<max(2, iterations / 10) { _ = try network.run(input, batch: batch) }
        var times: [Double] = []
        var processorTimes: [Double] = []
        for _ in 0..<iterations {
            let before = Machine.processorMilliseconds
            let start = ContinuousClock.now
            _ = try network.run(input, batch: batch)
            times.append((ContinuousClock.now - start) / .milliseconds(1))
            processorTimes.append(Machine.processorMilliseconds - before)
        }
        var profile: [LayerTime] = []
        if layers {
            // Of the run that was fastest in all.
            for _ in 0..<iterations {
                let times = try network.profile(input, batch: batch)
                func total(_ times: [LayerTime]) -> Double { times.reduce(0) { $0 + $1.milliseconds } }
                if profile.isEmpty || total(times) < total(profile) { profile = times }
            }
        }
        let result = Result(
            model: name, batch: batch, threads: network.engine.threads, median_ms: times.median, min_ms: times.min()!,
            iterations: iterations, per_image_ms: times.median / Double(batch), cpu_ms: processorTimes.median,
            cpu: Machine.processor,
            kernels: network.engine.kernels.rawValue, peak_rss_mib: Machine.peakResidentMiB)
        return (result, profile)
    }
}
