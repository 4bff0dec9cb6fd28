import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import Inference

/// The ONNX project's own test suite for those who run models: published results, and the tolerances stated there.
@Suite(.needsONNXData) struct ONNXSuiteTests {
    static let relativeTolerance: Float = 1e-3
    static let absoluteTolerance: Float = 1e-7

    /// The ONNX model zoo's classifiers, all weights alike; the one that takes gigabytes is for the long run.
    static let lightModels: [(name: String, isLong: Bool)] = [
        ("bvlc_alexnet", false), ("densenet121", false), ("inception_v1", false), ("inception_v2", false),
        ("resnet50", false), ("shufflenet", false), ("squeezenet", false), ("vgg19", true), ("zfnet512", false),
    ]

    @Test(
        "its light models give their published results",
        arguments: lightModels.filter { !$0.isLong || Drill.isLong }.map(\.name))
    func light(_ name: String) throws {
        let model = try ONNXModel(url: ONNXData.url("light/light_\(name).onnx"))
        let shape = model.graph.input
        // As the suite's runner makes it: evenly rising from 0 to 1.
        let count = shape.channels * shape.height * shape.width
        let input = (0..<count).map { Float(Double($0) / Double(count)) }
        let network = try Network(
            graph: model.graph, weights: model.weights(), options: .init(threads: 2), keepingWeights: false)
        let expected = try tensor(ONNXData.url("light/light_\(name)_output_0.pb"))
        // Of densenet121, the suite states its own.
        let relative = name == "densenet121" ? 2e-3 : Self.relativeTolerance
        try compare(network.run(input, batch: 1).values, expected.floats, relative, name)
    }

    /// What of the cases converted from PyTorch Longview refuses, and how the refusal names it.
    static func refusal(of name: String) -> String? {
        if name.contains("3d") && !name.contains("_3d_input") { return "dimensions" }
        let operators = [
            "ConvTranspose2d": "ConvTranspose", "Embedding": "float32", "PoissonNLLLLoss": "Exp", "Softsign": "Abs",
            "PixelShuffle": nil, "GLU": nil,
        ]
        return operators.first { name.contains("test_" + $0.key) }?.value
    }

    static let cases = ONNXData.names(in: "pytorch-converted").filter { $0.hasPrefix("test_") }

    @Test(
        "its cases converted from PyTorch give their published results",
        arguments: cases.filter { refusal(of: $0) == nil })
    func converted(_ name: String) throws {
        let model = try ONNXModel(url: ONNXData.url("pytorch-converted/\(name)/model.onnx"))
        let input = try tensor(ONNXData.url("pytorch-converted/\(name)/test_data_set_0/input_0.pb"))
        let expected = try tensor(ONNXData.url("pytorch-converted/\(name)/test_data_set_0/output_0.pb"))
        for set in KernelSet.supported {
            let network = try Network(
                graph: model.graph, weights: model.weights(), options: .init(threads: 2, kernels: set))
            let result = try network.run(input.floats, batch: input.dims[0])
            try compare(result.values, expected.floats, Self.relativeTolerance, "\(name) \(set)")
        }
    }

    @Test("what it tests beyond that is refused by name", arguments: cases.filter { refusal(of: $0) != nil })
    func refused(_ name: String) throws {
        let url = try ONNXData.url("pytorch-converted/\(name)/model.onnx")
        let error = #expect(throws: InferenceError.self) { try ONNXModel(url: url) }
        #expect(error?.code == .unsupportedONNX)
        #expect(error?.message.contains(Self.refusal(of: name)!) == true, "\(error?.message ?? "")")
    }

    private func tensor(_ url: URL) throws -> ONNXTensor {
        try ONNXTensor(Onnx_TensorProto(serializedBytes: Data(contentsOf: url)), url.lastPathComponent)
    }

    private func compare(_ found: [Float], _ expected: [Float], _ relative: Float, _ name: String) throws {
        try #require(found.count == expected.count)
        let excess = zip(found, expected).map { abs($0 - $1) - (Self.absoluteTolerance + relative * abs($1)) }
        let worst = zip(found, expected).map { abs($0 - $1) }.max()!
        #expect(excess.allSatisfy { $0 <= 0 }, "\(name): differs by up to \(worst)")
    }
}
