import ArgumentParser
import Decoding
import Foundation
import Imaging
import Inference
import Scoring

struct ModelQuantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Make an int8 model of a float32 one: another version, twice as fast.",
        discussion: """
            How each layer is stored is chosen by what radiographs make of it: some hundred of the kind that the model \
            will see. They are decoded, rendered and judged as for scoring; the centre view and one corner view of each are \
            used. The result is a package to import and activate like any other; its scores are not those of the \
            original, so compare them on radiographs of known outcome first.
            """)

    @Argument(
        help: "The folder of a float32 package, or NAME or NAME@VERSION of a registered model.",
        completion: .directory)
    var model: String

    @Option(
        name: .long, parsing: .upToNextOption, help: "Radiographs, or folders of them (DICOM, PNG, JPEG).",
        completion: .file())
    var images: [String]

    @Option(help: "The folder to make.", completion: .directory)
    var output: String

    @Option(help: "The new model's version.")
    var version: String

    @Option(help: "The new model's name; the default is the original's.")
    var name: String?

    @Option(help: "Radiographs to use at most, evenly spaced among those given.")
    var limit = 128

    @Option(
        help: "Clip what a layer stores at this percentile, 90 to 100; the default is where the squared error is least."
    )
    var percentile: Double?

    @Option(help: "Threads that compute golden vectors; the default is LONGVIEW_THREADS, else one a core.")
    var threads: Int?

    func validate() throws {
        guard 1...10_000 ~= limit else { throw ValidationError("--limit must be 1 to 10000") }
        if let percentile, !(90...100).contains(percentile) {
            throw ValidationError("--percentile must be 90 to 100")
        }
    }

    func run() async throws {
        let settings = Settings()
        let options = try settings.execution(threads: threads)
        let target = URL(fileURLWithPath: output, isDirectory: true)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw Failure("\(output) is there already; name a folder that isn't")
        }
        let (folder, digest) = try await LoadedModel.folder(model, settings: settings)
        let source = try await ScoringModel.load(folder, options: options)
        guard digest == nil || digest == source.package.digest else {
            throw Failure("the package of \(model) was altered: remove it and import it again", status: .mismatch)
        }
        guard source.package.description.arithmetic ?? .float32 == .float32 else {
            throw Failure("\(model) is an int8 model already; name the float32 model that it was made of")
        }
        let clipping = percentile.map { Quantiser.Clipping.percentile($0) } ?? .leastError
        let pictures = try await pictures(source.profile, settings)
        let changes = ["version": version, "name": name].compactMapValues { $0 }
        let package = source.package
        let made = try await ComputeQueue("command", concurrent: false).run {
            let (weights, calibration) = try Self.quantise(source, pictures, clipping)
            try QuantisedPackager.package(
                weights, of: package, calibration, changes: changes, into: target, options: options)
            return try ModelPackage.open(target)
        }
        Console.out("\(made.description.name)@\(made.description.version)  \(made.digest)  \(target.path)")
        Console.note("to use it: longview model import \(output), then longview model activate")
    }

    /// The radiographs, rendered.
    private func pictures(_ profile: PreprocessingProfile, _ settings: Settings) async throws -> [GreyPicture] {
        let (found, missing) = FileList.files(in: images)
        for path in missing { throw Failure("\(path): there is no such file or folder") }
        let files = found.count <= limit ? found : (0..<limit).map { found[$0 * found.count / limit] }
        let decoders = settings.decoders
        var pictures: [GreyPicture] = []
        for file in files {
            do {
                let prepared = try await decoders.prepare(try FileList.read(file), profile: profile)
                if case .ready(let ready) = prepared.result {
                    pictures.append(ready.radiograph.picture)
                } else {
                    Console.note("left out: \(file) would not be scored")
                }
            } catch let error as Failure {
                Console.note("left out: \(file): \(error)")
            }
        }
        guard !pictures.isEmpty else { throw Failure("none of the files is a radiograph that the model would score") }
        return pictures
    }

    /// Runs them through the network.
    private static func quantise(
        _ model: ScoringModel, _ pictures: [GreyPicture], _ clipping: Quantiser.Clipping
    ) throws -> (SafetensorsFile, QuantisedPackager.Calibration) {
        var quantiser = try Quantiser(
            graph: try model.package.description.graph(), weights: model.package.weights)
        for (number, picture) in pictures.enumerated() {
            let input = model.profile.networkInput(for: picture, views: .profile)
            let count = input.values.count / input.viewCount
            let corner = 1 + number % (input.viewCount - 1)
            let chosen = [0, corner].flatMap { input.values[$0 * count..<($0 + 1) * count] }
            try quantiser.observe(chosen, batch: 2)
        }
        let calibration = QuantisedPackager.Calibration(
            pictures: pictures.count, views: quantiser.observed, clipping: clipping)
        return (try quantiser.quantised(clipping), calibration)
    }
}
