import Foundation
import Inference
import TestSupport
import Testing

/// The same picture and model give the same 32 bits, however they are computed.
@Suite struct EqualBitsTests {
    static let options = KernelSet.supported.flatMap { set in [1, 2, 3].map { (set, $0) } }

    /// Nine images (one radiograph's views), and what one thread makes of each alone: of the first two, in the long run of
    /// all, by the portable kernels; of the others by the fastest, with weights packed anew for each layer.
    struct Reference {
        var graph: NetworkGraph
        var weights: SafetensorsFile
        var images: [[Float]]
        var results: [[UInt32]]

        init(_ graph: NetworkGraph, _ weights: SafetensorsFile, seed: UInt64) throws {
            self.graph = graph
            self.weights = weights
            var random = SeededGenerator(state: seed)
            let count = graph.input.channels * graph.input.height * graph.input.width
            images = (0..<9).map { _ in random.floats(count, in: -2...2.5) }
            let network = try Network(
                graph: graph, weights: weights, options: .init(threads: 1, kernels: .portable))
            let once = try Network(
                graph: graph, weights: weights, options: .init(threads: 1), keepingWeights: false)
            results = try images.enumerated().map { number, image in
                try (number < 2 || Drill.isLong ? network : once).run(image, batch: 1).bits
            }
        }

        func check(_ set: KernelSet, threads: Int) throws {
            let network = try Network(graph: graph, weights: weights, options: .init(threads: threads, kernels: set))
            // The portable kernels take tens of times as long.
            let batches = set != .portable || Drill.isLong ? [1, 2, 5, 9] : [2]
            for batch in batches {
                let result = try network.run(Array(images.prefix(batch).joined()), batch: batch)
                let same = result.bits == Array(results.prefix(batch).joined())
                #expect(same, "\(set), \(threads) threads, batch \(batch)")
            }
        }
    }

    // 107 pixels: small enough for the portable kernels, and every layer's extent is odd somewhere.
    static let input = FeatureShape(channels: 3, height: 107, width: 107)

    @Test("of the shipped model, for every kernel set, 1 to 3 threads and batches of 1, 2, 5 and 9")
    func shipped() throws {
        let package = try ModelPackage.open(shippedModel)
        let reference = try Reference(
            InceptionV4.cxrRisk(width: 0.25, hidden: 128, classes: 2, input: Self.input), package.weights, seed: 1)
        for (set, threads) in Self.options where set != .portable || threads == 2 || Drill.isLong {
            try reference.check(set, threads: threads)
        }
    }

    @Test("of the tiny network, likewise", .needsSharedData)
    func tiny() throws {
        let weights = try SafetensorsFile(url: SharedData.url("reference/fixtures/tiny/weights.safetensors"))
        let reference = try Reference(
            InceptionV4.cxrRisk(width: 0.125, hidden: 64, classes: 2, input: Self.input), weights, seed: 2)
        for (set, threads) in Self.options { try reference.check(set, threads: threads) }
    }

    @Test("when several threads use one network at once")
    func concurrent() async throws {
        let package = try ModelPackage.open(shippedModel)
        let network = try package.makeNetwork(options: .init(threads: 2))
        let input = package.description.golden[0].input(package.description.input)
        let expected = try network.run(input, batch: 1).bits
        let results = await withTaskGroup(of: [UInt32]?.self) { group in
            for batch in [1, 2, 1, 3] {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            let inputs = Array(repeatElement(input, count: batch).joined())
                            continuation.resume(returning: try? network.run(inputs, batch: batch).bits)
                        }
                    }
                }
            }
            return await group.reduce(into: [[UInt32]?]()) { $0.append($1) }
        }
        for result in results {
            let bits = try #require(result)
            #expect(bits == Array(repeatElement(expected, count: bits.count / expected.count).joined()))
        }
    }

    #if arch(x86_64)
        private let upward: Int32 = 0x800
    #else
        private let upward: Int32 = 0x400000
    #endif

    @Test("whatever rounding and denormal mode the calling thread has set")
    func floatingPointMode() throws {
        let package = try ModelPackage.open(shippedModel)
        let network = try package.makeNetwork(options: .init(threads: 1))
        let input = package.description.golden[0].input(package.description.input)
        let expected = try network.run(input, batch: 1).bits
        // FE_UPWARD, which Foundation and Glibc declare twice.
        let mode = fegetround()
        fesetround(upward)
        let result = try network.run(input, batch: 1).bits
        let after = fegetround()
        fesetround(mode)
        #expect(result == expected)
        #expect(after == upward, "the caller's mode is left as it was")
    }
}
