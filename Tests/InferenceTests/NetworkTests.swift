import Foundation
import Inference
import TestSupport
import Testing

@Suite struct NetworkTests {
    private let shape = FeatureShape(channels: 2, height: 4, width: 4)
    private let window = NetworkGraph.Window(kernel: Extent(3))

    private func graph(_ nodes: [NetworkGraph.Node], output: String? = nil) -> NetworkGraph {
        NetworkGraph(input: shape, nodes: nodes, output: output ?? nodes.last?.name ?? "")
    }

    private func convolution(_ inputs: [String] = ["input"]) -> NetworkGraph.Node {
        .init("c", .convolution(outputs: 3, window: window, weight: "w", bias: "b"), inputs)
    }

    @Test("an inconsistent graph is refused, and the error names the node")
    func invalidGraphs() {
        let large = NetworkGraph.Window(kernel: Extent(5))
        let padded = NetworkGraph.Window(kernel: Extent(2), padding: Extent(2))
        let still = NetworkGraph.Window(kernel: Extent(1), stride: Extent(0))
        let bad: [[NetworkGraph.Node]] = [
            [.init("bad", .relu, ["absent"])],
            [.init("bad", .relu, [])],
            [.init("bad", .concat, [])],
            [.init("bad", .maxPool(large), ["input"])],
            [.init("bad", .maxPool(padded), ["input"])],
            [.init("bad", .averagePool(still, countIncludePadding: true), ["input"])],
            [.init("bad", .linear(outputs: 2, weight: "w", bias: nil), ["input"])],
            [.init("bad", .softmax, ["input"])],
            [.init("g", .globalMaxAveragePool, ["input"]), .init("bad", .maxPool(window), ["g"])],
            [convolution(), .init("bad", .concat, ["input", "c"])],
            [.init("bad", .relu, ["input"]), .init("bad", .relu, ["input"])],
            [.init("bad", .convolution(outputs: 0, window: window, weight: "w", bias: nil), ["input"])],
            [.init("bad", .convolution(outputs: .max, window: window, weight: "w", bias: nil), ["input"])],
        ]
        for nodes in bad {
            let error = #expect(throws: InferenceError.self) { try graph(nodes).shapes() }
            #expect(error?.code == .invalidGraph)
            #expect(error?.message.contains("bad") == true, "\(error?.message ?? "")")
        }
        #expect(throws: InferenceError.self) { try graph([convolution()], output: "absent").shapes() }
    }

    @Test("missing, surplus and misshapen tensors are named; num_batches_tracked is tolerated")
    func strictMatching() throws {
        let folder = try TemporaryFolder()
        let graph = graph([convolution()])
        let options = try ExecutionOptions(threads: 1)
        let good = TestTensor(shape: [3, 2, 3, 3], values: Array(repeating: 0.5, count: 54))
        let bias = TestTensor(shape: [3], values: [1, 2, 3])
        func error(_ tensors: [String: TestTensor]) throws -> InferenceError? {
            let weights = try folder.safetensors(tensors)
            return #expect(throws: InferenceError.self) {
                try Network(graph: graph, weights: weights, options: options)
            }
        }
        for (tensors, name) in [
            (["w": good], "“b” is missing"), (["w": good, "b": bias, "x.y": bias], "“x.y” belongs to no node"),
            (["w": TestTensor(shape: [3, 3, 3, 2], values: good.values), "b": bias], "“w” is [3, 3, 3, 2]"),
        ] {
            let error = try #require(try error(tensors))
            #expect(error.code == .mismatchedWeights)
            #expect(error.message.contains(name), "\(error)")
        }
        let tolerated = try folder.safetensors(["w": good, "b": bias, "n.num_batches_tracked": bias])
        _ = try Network(graph: graph, weights: tolerated, options: options)
        var infinite = good
        infinite.values[7] = .infinity
        #expect(try error(["w": infinite, "b": bias])?.code == .nonFiniteWeights)
        #expect(try error(["w": good, "b": TestTensor(shape: [3], values: [1, .nan, 0])])?.code == .nonFiniteWeights)
    }

    @Test("an input of the wrong size, or with an infinite value, is refused")
    func inputs() throws {
        let folder = try TemporaryFolder()
        let network = try Network(
            graph: graph([.init("r", .relu, ["input"])]), weights: folder.safetensors([:]), options: .init(threads: 1))
        for (count, batch) in [(31, 1), (32, 2), (0, 0), (64, 1)] {
            #expect(throws: InferenceError.self) {
                try network.run(Array(repeating: 0, count: count), batch: batch)
            }
        }
        for value in [Float.nan, .infinity, -.infinity] {
            var input = [Float](repeating: 1, count: 32)
            input[17] = value
            #expect(throws: InferenceError.self) { try network.run(input, batch: 1) }
        }
        #expect(try network.run(Array(repeating: -0.0, count: 32), batch: 1).bits == Array(repeating: 0, count: 32))
    }

    @Test("an overflow is an error, not a result")
    func overflow() throws {
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors([
            "w": TestTensor(shape: [3, 2, 3, 3], values: Array(repeating: 3e38, count: 54)),
            "b": TestTensor(shape: [3], values: [0, 0, 0]),
        ])
        let network = try Network(graph: graph([convolution()]), weights: weights, options: .init(threads: 1))
        let error = #expect(throws: InferenceError.self) {
            try network.run(Array(repeating: 1, count: 32), batch: 1)
        }
        #expect(error?.code == .nonFiniteOutput)
    }

    @Test("kernel sets are chosen by name, and one that the CPU lacks is an error that says so")
    func kernelChoice() throws {
        #expect(try ExecutionOptions(threads: 2, kernelsNamed: "auto").kernels == KernelSet.supported.first)
        #expect(try ExecutionOptions(threads: 2, kernelsNamed: "portable").kernels == .portable)
        #expect(throws: InferenceError.self) { try ExecutionOptions(threads: 2, kernelsNamed: "sse") }
        for set in KernelSet.allCases where !set.isSupported {
            let error = #expect(throws: InferenceError.self) {
                try ExecutionOptions(threads: 1, kernelsNamed: set.rawValue)
            }
            #expect(error?.code == .unavailableKernels)
        }
        for threads in [0, -1, 257] { #expect(throws: InferenceError.self) { try ExecutionOptions(threads: threads) } }
    }

    @Test("a graph survives JSON")
    func codable() throws {
        let graph = InceptionV4.cxrRisk(width: 0.3, hidden: 10, classes: 3)
        let decoded = try JSONDecoder().decode(NetworkGraph.self, from: JSONEncoder().encode(graph))
        #expect(decoded == graph)
    }
}
