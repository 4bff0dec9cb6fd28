public import Foundation
internal import SwiftProtobuf

/// A network read from an ONNX file (https://onnx.ai): a graph of this engine's operations, and the weights it takes.
///
/// Constant parts of the ONNX graph are computed while it is read. Operators, attributes or shapes that this engine
/// doesn't compute are refused by name (docs/models.md lists what it does). Dimension 0 is the batch.
public struct ONNXModel {
    /// The file's name, for messages.
    public let name: String
    /// The network, with names of the file where they can be kept.
    public private(set) var graph: NetworkGraph
    /// The tensors that the graph's nodes name.
    private let parameters: [String: ONNXTensor]

    /// A protobuf message is no larger.
    private static let sizeLimit = 1 << 31
    /// The versions of the standard operators that are read. 6 is what PyTorch's first exporter wrote; version 5 and
    /// earlier mean something else by the same names.
    static let opsets = 6...21

    /// Reads the file at `url`.
    /// - Parameter input: one image's shape, where the file leaves extents open; where it doesn't, the two must agree.
    /// - Throws: `InferenceError` (`unreadable`, `malformedONNX`, `unsupportedONNX`, `invalidGraph`).
    public init(url: URL, input: FeatureShape? = nil) throws(InferenceError) {
        let name = url.lastPathComponent
        let data: Data
        do {
            let size = try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            guard size < Self.sizeLimit else {
                throw InferenceError(.malformedONNX, "\(name) has \(size) bytes, more than a protobuf message can")
            }
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch let error as InferenceError {
            throw error
        } catch {
            throw InferenceError(.unreadable, "\(name) can't be read: \(error.localizedDescription)")
        }
        try self.init(data, name: name, input: input)
    }

    /// Reads a file's bytes.
    init(_ data: Data, name: String, input: FeatureShape? = nil) throws(InferenceError) {
        self.name = name
        do {
            (graph, parameters) = try Self.read(data, input: input)
        } catch let refusal as ONNXRefusal {
            throw InferenceError(refusal.code, "\(name) can't be imported: \(refusal.message)")
        } catch let error as InferenceError {
            throw InferenceError(error.code, "\(name) can't be imported: \(error.message)")
        } catch {
            throw InferenceError(.malformedONNX, "\(name) can't be imported", underlying: error)
        }
    }

    private static func read(
        _ data: Data, input: FeatureShape?
    ) throws -> (NetworkGraph, [String: ONNXTensor]) {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: data, options: options)
        } catch {
            throw ONNXRefusal.malformed("it is cut off or no ONNX model")
        }
        guard model.hasGraph, !model.graph.node.isEmpty else {
            throw ONNXRefusal.malformed("it holds no graph; is it an ONNX model?")
        }
        let versions = model.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }.map(\.version)
        guard let version = versions.first, versions.count == 1, opsets.contains(Int(version)) else {
            throw ONNXRefusal.unsupported(
                "it is written for the operators of opset \(versions.map(String.init).joined(separator: " and ")), and "
                    + "this version of Longview reads \(opsets.lowerBound) to \(opsets.upperBound)")
        }
        var importer = ONNXImporter(opset: Int(version))
        return try importer.run(model.graph, input: input)
    }

    /// Leaves out a softmax, or its logarithm, over all classes at the end, so that the network's result are logits.
    ///
    /// The softmax of logarithms of probabilities are the probabilities, so either may go.
    public mutating func dropFinalSoftmax() {
        guard let index = graph.nodes.firstIndex(where: { $0.name == graph.output }) else { return }
        let node = graph.nodes[index]
        switch node.operation {
        case .softmax: break
        case .softmaxAlong(let length, let inner, _):
            guard let shapes = try? graph.shapes(), shapes[node.name] == .vector(length), inner == 1 else { return }
        default: return
        }
        guard node.inputs[0] != NetworkGraph.inputName else { return }
        graph.output = node.inputs[0]
        graph.nodes.remove(at: index)
    }

    /// The weights, in memory of their own.
    /// - Throws: `InferenceError` (`invalidGraph`, `resources`).
    public func weights() throws(InferenceError) -> SafetensorsFile {
        try SafetensorsFile.made(name: name, graph.parameters(shapes: graph.shapes())) { parameter, values in
            // The importer gave every parameter of its graph a tensor of its shape.
            guard let tensor = parameters[parameter.name] else { return }
            if case .repeated(let value) = tensor.values {
                values.update(repeating: value)
            } else {
                _ = values.update(fromContentsOf: tensor.floats)
            }
        }
    }
}

extension ONNXModel: WeightSource {
    var names: [String] { parameters.keys.sorted() }

    func shape(of name: String) -> [Int]? { parameters[name]?.dims }

    func withFloats<Result>(of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        guard let tensor = parameters[name] else {
            throw InferenceError(.mismatchedWeights, "\(self.name) holds no tensor “\(name)”")
        }
        return try tensor.floats.withUnsafeBufferPointer(body)
    }
}
