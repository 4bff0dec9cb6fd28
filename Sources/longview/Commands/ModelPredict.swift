import ArgumentParser
import Decoding
import Foundation
import Inference

struct ModelPredict: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Run the bare network on an array: to compare it with another engine.",
        discussion: """
            Arrays are NumPy files of float32. Nothing is recorded, and the result is logits, not a risk; of an ONNX file, \
            whatever its graph computes.
            """)

    @Argument(
        help: "The folder of a package, an .onnx file, or NAME or NAME@VERSION of a registered model.",
        completion: .file())
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
        // An ONNX file is taken as it is; a package is held against its digest.
        let isONNX = model.lowercased().hasSuffix(".onnx")
        let package = isONNX ? nil : try await LoadedModel.folder(model, settings: settings)
        let result = try await ComputeQueue("command", concurrent: false).run {
            let input: Tensor
            do {
                input = try NPYFile.read(try Data(contentsOf: URL(fileURLWithPath: tensor)), name: tensor)
            } catch let error as CocoaError {
                throw Failure("\(tensor) can't be read: \(error.localizedDescription)")
            }
            guard let (folder, digest) = package else { return try runONNX(on: input, options) }
            return try ModelPackage.runOnce(folder, digest: digest, on: input, options: options)
        }
        try NPYFile.data(result).write(to: URL(fileURLWithPath: output))
    }

    private func runONNX(on input: Tensor, _ options: ExecutionOptions) throws -> Tensor {
        let extents = Array(input.shape.dropFirst())
        let shape =
            extents.count == 3 ? FeatureShape(channels: extents[0], height: extents[1], width: extents[2]) : nil
        let onnx = try ONNXModel(url: URL(fileURLWithPath: model), input: shape)
        let expected = onnx.graph.input
        guard extents == [expected.channels, expected.height, expected.width] else {
            throw Failure(
                "\(tensor) is \(input.shape); \(onnx.name) takes pictures of "
                    + "\(expected.channels) × \(expected.height) × \(expected.width)")
        }
        return try Network(graph: onnx.graph, weights: try onnx.weights(), options: options)
            .run(input.values, batch: input.shape[0])
    }
}
