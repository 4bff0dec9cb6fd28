import ArgumentParser
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
        let isONNX = model.lowercased().hasSuffix(".onnx")
        let folder = isONNX ? nil : try await LoadedModel.folder(model, settings: settings)
        let result = try await OwnThread.run {
            let input: Tensor
            do {
                input = try NPYFile.read(try Data(contentsOf: URL(fileURLWithPath: tensor)), name: tensor)
            } catch let error as CocoaError {
                throw Failure("\(tensor) can't be read: \(error.localizedDescription)")
            }
            guard let folder else {
                let dims = input.shape.dropFirst()
                let shape = dims.count == 3 ? FeatureShape(channels: dims[1], height: dims[2], width: dims[3]) : nil
                let onnx = try ONNXModel(url: URL(fileURLWithPath: model), input: shape)
                return try run(onnx.graph, try onnx.weights(), onnx.name, input, options)
            }
            return try ModelPackage.whileChecking(folder) { description, weights in
                try run(try description.graph(), weights, description.name, input, options)
            }
        }
        try NPYFile.data(result).write(to: URL(fileURLWithPath: output))
    }

    private func run(
        _ graph: NetworkGraph, _ weights: SafetensorsFile, _ name: String, _ input: Tensor, _ options: ExecutionOptions
    ) throws -> Tensor {
        let shape = graph.input
        guard input.shape.count == 4,
            input.shape.dropFirst().elementsEqual([shape.channels, shape.height, shape.width])
        else {
            throw Failure(
                "\(tensor) is \(input.shape); \(name) takes pictures of "
                    + "\(shape.channels) × \(shape.height) × \(shape.width)")
        }
        // Used once: what is packed for a layer need not be kept.
        return try Network(graph: graph, weights: weights, options: options, keepingWeights: false)
            .run(input.values, batch: input.shape[0])
    }
}
