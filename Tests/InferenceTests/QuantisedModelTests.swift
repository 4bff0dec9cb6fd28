import Foundation
import Inference
import TestSupport
import Testing

@Suite struct QuantisedModelTests {
    private static let input = FeatureShape(channels: 3, height: 107, width: 107)
    private static let graph = InceptionV4.cxrRisk(width: 0.25, hidden: 128, classes: 2, input: input)

    @Test("bits are equal for every kernel set, 1 to 3 threads, batches of 1, 2, 5 and 9, and weights kept or not")
    func equalBits() throws {
        let weights = try SafetensorsFile.seededQuantised(for: Self.graph, seed: 5)
        var random = SeededGenerator(state: 4)
        let images = (0..<9).map { _ in random.floats(3 * 107 * 107, in: -2...2.5) }
        let alone = try Network(
            graph: Self.graph, weights: weights, arithmetic: .int8, options: .init(threads: 1, kernels: .portable),
            keepingWeights: false)
        let expected = try images.prefix(Drill.rounds(short: 2, long: 9)).map { try alone.run($0, batch: 1).bits }
        #expect(Set(expected).count == expected.count, "pictures give different results")
        var all: [UInt32]?
        for set in KernelSet.supported {
            for threads in [1, 2, 3] {
                let network = try Network(
                    graph: Self.graph, weights: weights, arithmetic: .int8,
                    options: .init(threads: threads, kernels: set))
                #expect(network.engine.version == "int8-1")
                for batch in set == .portable && !Drill.isLong ? [2] : [1, 2, 5, 9] {
                    let bits = try network.run(Array(images.prefix(batch).joined()), batch: batch).bits
                    let sameAsAlone = bits.starts(with: expected.prefix(batch).joined())
                    #expect(sameAsAlone, "\(set), \(threads) threads, batch \(batch)")
                    if batch == 9 {
                        #expect(bits == all ?? bits, "\(set), \(threads) threads, batch 9")
                        all = bits
                    }
                }
            }
        }
    }

    @Test("quantising, packaging and opening a model gives logits near the original's, and its own golden vectors")
    func package() throws {
        let source = try ModelPackage.open(shippedModel)
        let original = try source.makeNetwork(options: .init(threads: 2))
        let images = source.description.golden.map { $0.input(source.description.input) }
        var quantiser = try Quantiser(graph: try source.description.graph(), weights: source.weights)
        for image in images { try quantiser.observe(image, batch: 1) }
        let weights = try quantiser.quantised()
        let folder = try TemporaryFolder()
        let made = folder.url.appendingPathComponent("int8")
        let calibration = QuantisedPackager.Calibration(pictures: 3, views: 3, clipping: .leastError)
        let options = try ExecutionOptions(threads: 2)
        #expect(throws: InferenceError.self, "the original's version is taken") {
            try QuantisedPackager.package(weights, of: source, calibration, changes: [:], into: made, options: options)
        }
        #expect(!FileManager.default.fileExists(atPath: made.path))
        try QuantisedPackager.package(
            weights, of: source, calibration, changes: ["version": "1-int8"], into: made, options: options)
        let package = try ModelPackage.open(made)
        #expect(package.description.arithmetic == .int8)
        #expect(package.description.version == "1-int8")
        #expect(package.digest != source.digest)
        #expect(package.description.card.evaluation.contains("nih-pneumonia@1 in float32"))
        let quantised = try package.makeNetwork(options: options)
        try package.verifyGolden(quantised)
        for image in images {
            let (exact, near) = (try original.run(image, batch: 1).values, try quantised.run(image, batch: 1).values)
            #expect(exact != near)
            for (a, b) in zip(exact, near) { #expect(abs(a - b) < 0.15, "\(exact), \(near)") }
        }
        // The same through the way that computes the digest meanwhile.
        let once = try ModelPackage.runOnce(
            made, digest: package.digest, on: try NPYFile.read(npy(images[0]), name: "input"), options: options)
        #expect(once.bits == (try quantised.run(images[0], batch: 1).bits))
        #expect(try Data(contentsOf: made.appendingPathComponent(ModelPackage.weightsFile)).count < 3_300_000)
    }

    /// The picture as NumPy writes it.
    private func npy(_ image: [Float]) -> Data {
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 224, 224), }"
        while (header.utf8.count + 11) % 64 != 0 { header += " " }
        header += "\n"
        let length = UInt16(header.utf8.count)
        return Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, UInt8(length & 255), UInt8(length >> 8)])
            + Data(header.utf8) + image.withUnsafeBytes { Data($0) }
    }

    @Test("wrong scales, zero points, weights and types are refused, each by its name")
    func refusals() throws {
        let graph = NetworkGraph(
            input: FeatureShape(channels: 2, height: 4, width: 4),
            nodes: [
                .init(
                    "c", .convolution(outputs: 3, window: .init(kernel: Extent(3)), weight: "w", bias: nil), ["input"]),
                .init("r", .relu, ["c"]), .init("f", .flatten, ["r"]),
            ], output: "f")
        let good =
            ByteTensor.activation("input", [1, 1], [3, 3]) + ByteTensor.activation("r", [1, 1, 1], [0, 0, 0]) + [
                ByteTensor("c.weight", "I8", [3, 2, 3, 3], Array(repeating: 1, count: 54)),
                ByteTensor("c.weight.scale", [1, 1, 1]), ByteTensor("c.bias", [0, 0, 0]),
            ]
        let folder = try TemporaryFolder()
        func network(_ tensors: [ByteTensor], _ arithmetic: Arithmetic = .int8) throws -> Network {
            try Network(
                graph: graph, weights: try folder.safetensors(tensors), arithmetic: arithmetic,
                options: .init(threads: 1))
        }
        _ = try network(good)
        let bad: [(ByteTensor, names: String)] = [
            (ByteTensor("c.weight.scale", [1, 0, 1]), "“c.weight.scale”"),
            (ByteTensor("c.weight.scale", [1, -1, 1]), "“c.weight.scale”"),
            (ByteTensor("c.weight.scale", [1, .nan, 1]), "“c.weight.scale”"),
            (ByteTensor("c.weight.scale", [1, 1]), "“c.weight.scale” is [2] and should be [3]"),
            (ByteTensor("activation.r.scale", [1, 1, .infinity]), "“activation.r.scale”"),
            (ByteTensor("activation.input.scale", [1e-30, 1]), "“activation.input.scale”"),
            (ByteTensor("activation.r.zero_point", "U8", [3], [0, 7, 0]), "“activation.r.zero_point”"),
            (ByteTensor("activation.r.zero_point", "I8", [3], [0, 0, 0]), "is I8 and should be U8"),
            (ByteTensor("c.bias", [0, .infinity, 0]), "“c”"),
            (ByteTensor("c.weight", "I8", [3, 2, 3, 3], Array(repeating: 0x80, count: 54)), "-128"),
            (ByteTensor("c.weight", "U8", [3, 2, 3, 3], Array(repeating: 1, count: 54)), "is U8 and should be I8"),
        ]
        for (tensor, names) in bad {
            let tensors = good.filter { $0.name != tensor.name } + [tensor]
            let error = #expect(throws: InferenceError.self, "\(names)") { try network(tensors) }
            #expect(error?.message.contains(names) == true, "\(error?.message ?? "") lacks \(names)")
        }
        let missing = #expect(throws: InferenceError.self) { try network(good.filter { $0.name != "c.bias" }) }
        #expect(missing?.message.contains("“c.bias” is missing") == true)
        let surplus = #expect(throws: InferenceError.self) { try network(good + [ByteTensor("z", [1])]) }
        #expect(surplus?.message.contains("“z” belongs to no node") == true)
        #expect(throws: InferenceError.self, "bytes are no float32 model") { try network(good, .float32) }
    }

    @Test("a network with operations that are not quantised is refused by the node's name")
    func unsupported() throws {
        let shape = FeatureShape(channels: 2, height: 4, width: 4)
        let dilated = NetworkGraph.Window(kernel: Extent(2), dilation: Extent(2))
        let operations: [NetworkGraph.Operation] = [
            .relu, .activation(.sigmoid), .maxPool(dilated),
            .groupedConvolution(outputs: 2, groups: 2, window: .init(kernel: Extent(1)), weight: "w", bias: nil),
        ]
        for operation in operations {
            let graph = NetworkGraph(
                input: shape, nodes: [.init("bad", operation, ["input"]), .init("f", .flatten, ["bad"])], output: "f")
            let error = #expect(throws: InferenceError.self) {
                try SafetensorsFile.seededQuantised(for: graph, seed: 1)
            }
            #expect(error?.code == .invalidGraph)
            #expect(error?.message.contains("“bad”") == true)
        }
        let weights = try SafetensorsFile.seeded(for: Self.graph, seed: 1)
        let quantiser = try Quantiser(graph: Self.graph, weights: weights)
        #expect(throws: InferenceError.self, "no pictures") { try quantiser.quantised() }
    }
}
