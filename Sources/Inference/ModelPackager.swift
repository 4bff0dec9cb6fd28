internal import Crypto
public import Foundation

/// Makes a model package of weights from elsewhere and a description without weights.
public enum ModelPackager {
    /// Inputs like radiographs in their spectrum and, after ImageNet's normalisation, in their range.
    private static let octaves = [
        GoldenVector.Octave(cell: 64, amplitude: 0.6), .init(cell: 16, amplitude: 0.28),
        .init(cell: 4, amplitude: 0.12),
    ]
    private static let scale = [4.367, 4.464, 4.444]
    private static let offset = [-2.118, -2.036, -1.804]

    /// Writes a package into `folder`, which must not exist.
    ///
    /// The tensors of weights alone must be those of the description's network, no more and no less. An ONNX file brings
    /// its network; the description then names none, and may leave the input's shape to the file. Where it reads logits,
    /// a softmax at the file's end is left out. Golden vectors are computed
    /// by this engine: they will show that a later build or another machine computes the same, not that the weights are
    /// what their author meant; that is for `validation` against the author's own figures.
    /// - Parameters:
    ///   - file: a PyTorch checkpoint (`.pth`, `.pt`), a safetensors file or an ONNX file (`.onnx`), told apart by their
    ///     content.
    ///   - description: a `model.json` without digest of weights and golden vectors, such as `models/cxr-risk-1` has.
    ///   - architecture: what computes how many logits, where the description names no network; its input is that of
    ///     the published weights unless the description states another.
    ///   - changes: fields that replace those of the description: its name and version.
    /// - Throws: `InferenceError`.
    public static func package(
        _ file: URL, description: Data, architecture: (Architecture, classes: Int)? = nil,
        changes: [String: String], into folder: URL, options: ExecutionOptions
    ) throws {
        guard var fields = try? JSONSerialization.jsonObject(with: description) as? [String: Any] else {
            throw InferenceError(.invalidDescription, "the description is no JSON object")
        }
        fields.merge(changes) { _, new in new }
        fields["weightsSHA256"] = nil
        fields["golden"] = [Any]()
        if let (architecture, classes) = architecture {
            guard fields["network"] == nil else {
                throw InferenceError(
                    .invalidDescription, "the description names a network already: leave out one of the two")
            }
            fields["network"] = try object(architecture.network(classes: classes))
            let size = architecture.pictureSize
            fields["input"] = try fields["input"] ?? object(FeatureShape(channels: 3, height: size, width: size))
        }
        let source = try WeightFile(file)
        var onnx: ONNXModel?
        if case .onnx = source {
            onnx = try importONNX(file, &fields)
        }
        let model: ModelDescription
        do {
            model = try JSONDecoder().decode(
                ModelDescription.self, from: try JSONSerialization.data(withJSONObject: fields))
        } catch let error as InferenceError {
            throw error
        } catch {
            throw InferenceError(.invalidDescription, "the description can't be used as model.json", underlying: error)
        }
        let graph = try model.graph()
        let parameters = graph.parameters(shapes: try graph.shapes())
        let manager = FileManager.default
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
            let weights = folder.appendingPathComponent(ModelPackage.weightsFile)
            switch source {
            case .safetensors: try write(parameters, from: try SafetensorsFile(url: file), to: weights)
            case .torch: try write(parameters, from: try TorchCheckpoint(url: file), to: weights)
            case .onnx:
                // The graph's names are the importer's own.
                let names = WeightNames(
                    sources: Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.name) }))
                try SafetensorsWriter.write(parameters, names, from: onnx!, to: weights)
            }
            let opened = try SafetensorsFile(url: weights)
            let network = try Network(graph: graph, weights: opened, options: options)
            fields["golden"] = try object(golden(network, input: model.input))
            fields["weightsSHA256"] = opened.withUnsafeBytes { bytes in
                hexadecimal(SHA256.hash(data: bytes))
            }
            try JSONSerialization.data(
                withJSONObject: fields, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            ).write(to: folder.appendingPathComponent(ModelPackage.descriptionFile))
        } catch {
            try? manager.removeItem(at: folder)
            throw error
        }
    }

    private static func write(
        _ parameters: [NetworkGraph.Parameter], from source: some WeightSource, to url: URL
    ) throws {
        try SafetensorsWriter.write(parameters, try WeightNames(parameters, in: source), from: source, to: url)
    }

    /// Reads an ONNX file for a description, and completes the description's fields by its network and its input.
    private static func importONNX(_ file: URL, _ fields: inout [String: Any]) throws -> ONNXModel {
        guard fields["network"] == nil else {
            throw InferenceError(
                .invalidDescription, "the description names a network, and an ONNX file brings its own: leave it out")
        }
        var input: FeatureShape?
        if let given = fields["input"] {
            let data = try JSONSerialization.data(withJSONObject: ["input": given])
            guard let shape = try? JSONDecoder().decode([String: FeatureShape].self, from: data)["input"] else {
                throw InferenceError(.invalidDescription, "the description's input is not channels, height and width")
            }
            input = shape
        }
        var model = try ONNXModel(url: file, input: input)
        if let output = fields["output"] as? [String: Any], output["kind"] as? String == "softmax" {
            model.dropFinalSoftmax()
        }
        fields["network"] = try object(ModelDescription.NetworkReference.graph(model.graph))
        fields["input"] = try object(model.graph.input)
        return model
    }

    private static func object(_ value: some Encodable) throws -> Any {
        try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value))
    }

    /// The golden vectors that `network` computes.
    static func golden(_ network: Network, input: FeatureShape) throws -> [GoldenVector] {
        try (1...3).map { seed in
            func vector(_ logits: [Double]) -> GoldenVector {
                GoldenVector(
                    generator: "value-noise-1", seed: UInt64(seed), octaves: octaves,
                    scale: (0..<input.channels).map { scale[$0 % scale.count] },
                    offset: (0..<input.channels).map { offset[$0 % offset.count] }, logits: logits, tolerance: 1e-4)
            }
            let logits = try network.run(vector([]).input(input), batch: 1).values
            return vector(logits.map(Double.init))
        }
    }
}
