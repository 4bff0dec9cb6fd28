import Inference
import TestSupport
import Testing

/// Every kernel against a naive reference that follows the documented order of operations, over odd shapes.
///
/// The reference uses Swift's own fused multiply-add, so equality is to the bit.
@Suite struct KernelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var input: FeatureShape
        var outputs: Int
        var window: NetworkGraph.Window
        var relu = false

        var testDescription: String {
            "\(input.channels)×\(input.height)×\(input.width) → \(outputs), kernel "
                + "\(window.kernel.height)×\(window.kernel.width), stride \(window.stride.height)×"
                + "\(window.stride.width), padding \(window.padding.height)×\(window.padding.width)"
        }

        init(
            _ channels: Int, _ height: Int, _ width: Int, _ outputs: Int, _ kernel: Extent, stride: Extent = Extent(1),
            padding: Extent = Extent(0), relu: Bool = false
        ) {
            input = FeatureShape(channels: channels, height: height, width: width)
            self.outputs = outputs
            window = .init(kernel: kernel, stride: stride, padding: padding)
            self.relu = relu
        }
    }

    static let convolutions = [
        Case(3, 19, 23, 8, Extent(3), stride: Extent(2), relu: true),
        Case(3, 9, 31, 33, Extent(3), padding: Extent(1)),
        Case(1, 1, 1, 1, Extent(1)),
        Case(16, 5, 5, 48, Extent(1), relu: true),
        Case(17, 5, 5, 20, Extent(3), padding: Extent(1)),
        Case(5, 12, 12, 40, Extent(1, 7), padding: Extent(0, 3)),
        Case(20, 5, 12, 16, Extent(7, 1), padding: Extent(3, 0), relu: true),
        Case(33, 3, 25, 31, Extent(3), padding: Extent(1)),
        Case(18, 7, 29, 32, Extent(3), stride: Extent(2)),
        Case(18, 7, 29, 32, Extent(3), stride: Extent(2), padding: Extent(1), relu: true),
        Case(4, 11, 17, 7, Extent(5, 2), stride: Extent(3, 3), padding: Extent(2, 1)),
        Case(2, 3, 2, 5, Extent(3, 2), stride: Extent(1), padding: Extent(4, 5)),
        Case(16, 27, 43, 16, Extent(1), stride: Extent(2)),
        Case(40, 1, 60, 70, Extent(1, 3), padding: Extent(0, 1)),
    ]

    static let tiled: [(test: Case, tiles: String)] = [
        (Case(33, 7, 15, 31, Extent(3), padding: Extent(1), relu: true), "4x4"),
        (Case(35, 25, 24, 40, Extent(3), padding: Extent(1)), "5x5"),
        (Case(32, 13, 18, 33, Extent(3)), "4x4"),
        (Case(48, 9, 13, 64, Extent(1, 7), padding: Extent(0, 3), relu: true), "1x4"),
        (Case(50, 13, 7, 48, Extent(7, 1), padding: Extent(3, 0)), "4x1"),
        (Case(64, 49, 51, 48, Extent(3), stride: Extent(2)), "5x5/2"),
        (Case(64, 31, 32, 96, Extent(3), stride: Extent(2), padding: Extent(1), relu: true), "4x4/2"),
    ]

    @Test("a convolution by tiles has the documented order, too", arguments: tiled)
    func tiles(test: Case, tiles: String) throws {
        var random = SeededGenerator(state: 17)
        let (kernel, shape) = (test.window.kernel, test.input)
        let weight = random.tensor(test.outputs, shape.channels, kernel.height, kernel.width)
        let bias = random.tensor(test.outputs)
        let size = shape.channels * shape.height * shape.width
        let input = random.floats(2 * size)
        var nodes = [
            // Not the first of the network, which reads another layout.
            NetworkGraph.Node("p", .maxPool(.init(kernel: Extent(1))), ["input"]),
            .init("c", .convolution(outputs: test.outputs, window: test.window, weight: "w", bias: "b"), ["p"]),
        ]
        if test.relu { nodes.append(.init("r", .relu, ["c"])) }
        let graph = NetworkGraph(input: shape, nodes: nodes, output: nodes.last!.name)
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(["w": weight, "b": bias])
        let tiling = try #require(TiledReference.tilings[tiles])
        let reference = TiledReference(rows: tiling.rows, columns: tiling.columns)
        let expected = (0..<2).flatMap { image in
            reference.run(input[image * size..<(image + 1) * size], shape, weight.values, bias.values, test.window)
                .map { (test.relu ? max($0, 0) : $0 + 0).bitPattern }
        }
        for set in KernelSet.supported {
            for threads in [1, 2, 3] {
                let network = try Network(
                    graph: graph, weights: weights, options: .init(threads: threads, kernels: set))
                let layers = try network.profile(input, batch: 2).map(\.description)
                #expect(layers.contains { $0.hasSuffix("tiles \(tiles)") }, "\(layers)")
                for batch in [1, 2] {
                    let result = try network.run(Array(input.prefix(batch * size)), batch: batch)
                    let same = result.bits.elementsEqual(expected.prefix(result.bits.count))
                    #expect(same, "\(set), \(threads) threads, batch \(batch)")
                }
            }
        }
        // And that order gives the convolution, to rounding.
        let direct = naive(test, weight.values, bias.values, input, batch: 2)
        let scale = (direct.reduce(0) { $0 + Double($1) * Double($1) } / Double(direct.count)).squareRoot()
        let error = zip(direct, expected).map { abs(Double($0) - Double(Float(bitPattern: $1))) }.max()!
        #expect(error < 5e-5 * scale)
    }

    @Test("a convolution is one chain of fused multiply-adds in the documented order", arguments: convolutions)
    func convolution(test: Case) throws {
        var random = SeededGenerator(state: 11)
        let (kernel, shape) = (test.window.kernel, test.input)
        let weight = random.tensor(test.outputs, shape.channels, kernel.height, kernel.width)
        let bias = random.tensor(test.outputs)
        let input = random.floats(2 * shape.channels * shape.height * shape.width)
        var nodes = [
            NetworkGraph.Node(
                "c", .convolution(outputs: test.outputs, window: test.window, weight: "w", bias: "b"), ["input"])
        ]
        if test.relu { nodes.append(.init("r", .relu, ["c"])) }
        let graph = NetworkGraph(input: shape, nodes: nodes, output: nodes.last!.name)
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(["w": weight, "b": bias])
        let expected = naive(test, weight.values, bias.values, input, batch: 2)
        for set in KernelSet.supported {
            for threads in [1, 3] {
                let network = try Network(
                    graph: graph, weights: weights, options: .init(threads: threads, kernels: set))
                let layers = try network.profile(input, batch: 2).map(\.description)
                #expect(layers.contains { $0.hasSuffix("direct") }, "\(layers)")
                let result = try network.run(input, batch: 2)
                let same = result.bits == expected.map(\.bitPattern)
                #expect(same, "\(set), \(threads) threads")
            }
        }
    }

    /// Bias, then by block of 16 channels, kernel row, kernel column and channel.
    private func naive(_ test: Case, _ weight: [Float], _ bias: [Float], _ input: [Float], batch: Int) -> [Float] {
        let (shape, window) = (test.input, test.window)
        let height = (shape.height + 2 * window.padding.height - window.kernel.height) / window.stride.height + 1
        let width = (shape.width + 2 * window.padding.width - window.kernel.width) / window.stride.width + 1
        var output: [Float] = []
        for image in 0..<batch {
            for o in 0..<test.outputs {
                for y in 0..<height {
                    for x in 0..<width {
                        var sum = bias[o]
                        for block in stride(from: 0, to: shape.channels, by: 16) {
                            for ky in 0..<window.kernel.height {
                                let iy = y * window.stride.height + ky - window.padding.height
                                guard 0..<shape.height ~= iy else { continue }
                                for kx in 0..<window.kernel.width {
                                    let ix = x * window.stride.width + kx - window.padding.width
                                    guard 0..<shape.width ~= ix else { continue }
                                    for c in block..<min(block + 16, shape.channels) {
                                        let pixel = input[
                                            ((image * shape.channels + c) * shape.height + iy) * shape.width + ix]
                                        let tap =
                                            ((o * shape.channels + c) * window.kernel.height + ky)
                                            * window.kernel.width + kx
                                        sum.addProduct(pixel, weight[tap])
                                    }
                                }
                            }
                        }
                        output.append(test.relu ? max(sum, 0) : sum + 0)
                    }
                }
            }
        }
        return output
    }

    static let pools = [
        Case(3, 11, 14, 0, Extent(3), stride: Extent(2)),
        Case(17, 7, 5, 0, Extent(3), padding: Extent(1)),
        Case(20, 8, 9, 0, Extent(2, 5), stride: Extent(3, 2), padding: Extent(1, 2)),
        Case(1, 1, 1, 0, Extent(1)),
        Case(4, 6, 6, 0, Extent(3), stride: Extent(2), padding: Extent(1)),
    ]

    @Test("pools take pixels by row and column, and divide by what they count", arguments: pools)
    func pooling(test: Case) throws {
        var random = SeededGenerator(state: 5)
        let (shape, window) = (test.input, test.window)
        let input = random.floats(2 * shape.channels * shape.height * shape.width)
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors([:])
        let operations: [(NetworkGraph.Operation, ([Float], Int) -> Float)] = [
            (.maxPool(window), { values, _ in values.dropFirst().reduce(values[0]) { $1 > $0 ? $1 : $0 } }),
            (
                .averagePool(window, countIncludePadding: false),
                { values, _ in values.reduce(0, +) / Float(values.count) }
            ),
            (.averagePool(window, countIncludePadding: true), { values, area in values.reduce(0, +) / Float(area) }),
        ]
        for (operation, reduce) in operations {
            let graph = NetworkGraph(input: shape, nodes: [.init("p", operation, ["input"])], output: "p")
            var expected: [UInt32] = []
            let planes = 2 * shape.channels
            let height = (shape.height + 2 * window.padding.height - window.kernel.height) / window.stride.height + 1
            let width = (shape.width + 2 * window.padding.width - window.kernel.width) / window.stride.width + 1
            for plane in 0..<planes {
                for y in 0..<height {
                    for x in 0..<width {
                        var values: [Float] = []
                        for ky in 0..<window.kernel.height {
                            for kx in 0..<window.kernel.width {
                                let iy = y * window.stride.height + ky - window.padding.height
                                let ix = x * window.stride.width + kx - window.padding.width
                                guard 0..<shape.height ~= iy, 0..<shape.width ~= ix else { continue }
                                values.append(input[(plane * shape.height + iy) * shape.width + ix])
                            }
                        }
                        let area = window.kernel.height * window.kernel.width
                        expected.append(reduce(values, area).bitPattern)
                    }
                }
            }
            for set in KernelSet.supported {
                let network = try Network(graph: graph, weights: weights, options: .init(threads: 2, kernels: set))
                #expect(try network.run(input, batch: 2).bits == expected, "\(set)")
            }
        }
    }

    @Test("a batch norm and a ReLU that no convolution can take are one fused multiply-add per value")
    func affine() throws {
        var random = SeededGenerator(state: 3)
        let shape = FeatureShape(channels: 18, height: 3, width: 5)
        let tensors = [
            "n.weight": random.tensor(18), "n.bias": random.tensor(18), "n.running_mean": random.tensor(18),
            "n.running_var": random.tensor(18, range: 0.1...2),
        ]
        let input = random.floats(18 * 15)
        let graph = NetworkGraph(
            input: shape,
            nodes: [
                .init("n", .batchNorm(.init(prefix: "n", epsilon: 1e-3)), ["input"]), .init("r", .relu, ["n"]),
            ], output: "r")
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(tensors)
        let expected = input.enumerated().map { i, x -> UInt32 in
            func value(_ name: String) -> Double { Double(tensors["n." + name]!.values[i / 15]) }
            let scale = value("weight") / (value("running_var") + 1e-3).squareRoot()
            var sum = Float(value("bias") - value("running_mean") * scale)
            sum.addProduct(x, Float(scale))
            return max(sum, 0).bitPattern
        }
        for set in KernelSet.supported {
            let network = try Network(graph: graph, weights: weights, options: .init(threads: 2, kernels: set))
            #expect(try network.run(input, batch: 1).bits == expected, "\(set)")
        }
    }

    @Test("global pooling gives maxima, then means; norms around a linear are folded into it")
    func head() throws {
        var random = SeededGenerator(state: 9)
        let shape = FeatureShape(channels: 21, height: 3, width: 3)
        var tensors = [
            "w": random.tensor(67, 42), "b": random.tensor(67), "v": random.tensor(3, 67), "c": random.tensor(3),
        ]
        for (norm, count) in [("m", 42), ("n", 67), ("o", 3)] {
            tensors["\(norm).weight"] = random.tensor(count)
            tensors["\(norm).bias"] = random.tensor(count)
            tensors["\(norm).running_mean"] = random.tensor(count)
            tensors["\(norm).running_var"] = random.tensor(count, range: 0.1...2)
        }
        let input = random.floats(2 * 21 * 9)
        func norm(_ name: String) -> NetworkGraph.Operation { .batchNorm(.init(prefix: name, epsilon: 1e-5)) }
        let graph = NetworkGraph(
            input: shape,
            nodes: [
                .init("g", .globalMaxAveragePool, ["input"]), .init("m", norm("m"), ["g"]),
                .init("l", .linear(outputs: 67, weight: "w", bias: "b"), ["m"]), .init("r", .relu, ["l"]),
                .init("n", norm("n"), ["r"]), .init("k", .linear(outputs: 3, weight: "v", bias: "c"), ["n"]),
                .init("o", norm("o"), ["k"]), .init("s", .softmax, ["o"]),
            ], output: "s")
        let expected = (0..<2).flatMap { image -> [Double] in
            let planes = (0..<21).map { c in (0..<9).map { Double(input[(image * 21 + c) * 9 + $0]) } }
            var x = planes.map { $0.max()! } + planes.map { $0.reduce(0, +) / 9 }
            func apply(_ name: String) {
                func value(_ key: String, _ i: Int) -> Double { Double(tensors["\(name).\(key)"]!.values[i]) }
                x = x.enumerated().map { i, x in
                    (x - value("running_mean", i)) / (value("running_var", i) + 1e-5).squareRoot() * value("weight", i)
                        + value("bias", i)
                }
            }
            func linear(_ weight: String, _ bias: String) {
                let count = x.count
                x = tensors[bias]!.values.enumerated().map { o, b in
                    x.enumerated().reduce(Double(b)) {
                        $0 + $1.element * Double(tensors[weight]!.values[o * count + $1.offset])
                    }
                }
            }
            apply("m")
            linear("w", "b")
            x = x.map { max($0, 0) }
            apply("n")
            linear("v", "c")
            apply("o")
            let exponentials = x.map { $0 - x.max()! }.map(exponential)
            return exponentials.map { $0 / exponentials.reduce(0, +) }
        }
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(tensors)
        var first: [UInt32]?
        for set in KernelSet.supported {
            let network = try Network(graph: graph, weights: weights, options: .init(threads: 2, kernels: set))
            let result = try network.run(input, batch: 2)
            #expect(zip(result.values, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 }, "\(set)")
            #expect(result.bits == first ?? result.bits, "\(set)")
            first = result.bits
        }
    }

    @Test("a concatenation may repeat a value, hold the input, and lie inside another")
    func concatenation() throws {
        var random = SeededGenerator(state: 21)
        let shape = FeatureShape(channels: 5, height: 4, width: 3)
        let input = random.floats(3 * 5 * 12)
        let pool = NetworkGraph.Operation.maxPool(.init(kernel: Extent(1)))
        let graph = NetworkGraph(
            input: shape,
            nodes: [
                .init("a", pool, ["input"]), .init("b", .relu, ["input"]), .init("c", .concat, ["a", "b", "a"]),
                .init("d", .concat, ["input", "c", "b"]), .init("e", .concat, ["d", "c"]),
            ], output: "e")
        let folder = try TemporaryFolder()
        let network = try Network(graph: graph, weights: folder.safetensors([:]), options: .init(threads: 2))
        let expected = (0..<3).flatMap { image -> [Float] in
            let a = Array(input[image * 60..<(image + 1) * 60])
            let b = a.map { max($0, 0) }
            return a + a + b + a + b + a + b + a
        }
        let result = try network.run(input, batch: 3)
        #expect(result.shape == [3, 40, 4, 3])
        #expect(result.values == expected)
    }
}
