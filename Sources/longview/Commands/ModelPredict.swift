import ArgumentParser
import Foundation
import Inference

struct ModelPredict: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Run the bare network on an array: to compare it with another engine.",
        discussion: "Arrays are NumPy files of float32. Nothing is recorded, and the result is logits, not a risk.")

    @Argument(help: "The folder of a package, or NAME or NAME@VERSION of a registered model.")
    var model: String

    @Option(help: "The input, (pictures, channels, rows, columns).", completion: .file(extensions: ["npy"]))
    var tensor: String

    @Option(help: "Where the result goes.", completion: .file(extensions: ["npy"]))
    var output: String

    @Option(help: "Threads that compute; the default is LONGVIEW_THREADS, else one a core.")
    var threads: Int?

    func run() async throws {
        let settings = Settings()
        let options = try settings.execution(threads: threads)
        let folder = try await LoadedModel.folder(model, settings: settings)
        let result = try await OwnThread.run {
            let input: Tensor
            do {
                input = try NPYFile.read(try Data(contentsOf: URL(fileURLWithPath: tensor)), name: tensor)
            } catch let error as CocoaError {
                throw Failure("\(tensor) can't be read: \(error.localizedDescription)")
            }
            return try ModelPackage.whileChecking(folder) { description, weights in
                let shape = description.input
                guard input.shape.count == 4,
                    input.shape.dropFirst().elementsEqual([shape.channels, shape.height, shape.width])
                else {
                    throw Failure(
                        "\(tensor) is \(input.shape); \(description.name) takes pictures of "
                            + "\(shape.channels) × \(shape.height) × \(shape.width)")
                }
                // Used once: what is packed for a layer need not be kept.
                return try Network(
                    graph: try description.graph(), weights: weights, options: options, keepingWeights: false
                ).run(input.values, batch: input.shape[0])
            }
        }
        try NPYFile.data(result).write(to: URL(fileURLWithPath: output))
    }
}
