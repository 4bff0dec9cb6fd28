import Inference
import TestSupport
import Testing

/// Every kernel of the quantised plan against a naive reference, to the bit, over odd shapes.
@Suite struct QuantisedKernelTests {
    typealias Case = KernelTests.Case
    typealias Reference = QuantisedReference

    /// Those of the float32 kernels, and shapes with full tiles, several groups of outputs and several pieces of work.
    static let convolutions =
        KernelTests.convolutions + [
            Case(20, 12, 12, 70, Extent(1, 7), padding: Extent(0, 3), relu: true),
            Case(36, 12, 12, 40, Extent(7, 1), padding: Extent(3, 0), relu: true),
            Case(40, 25, 25, 48, Extent(1), relu: true),
            Case(3, 51, 57, 40, Extent(3), stride: Extent(2), relu: true),
            Case(12, 30, 29, 17, Extent(3), padding: Extent(1)),
            Case(4, 17, 16, 24, Extent(3), padding: Extent(1), relu: true),
            Case(40, 13, 12, 56, Extent(3), stride: Extent(2), relu: true),
        ]

    /// Runs every set of kernels, 1 to 3 threads, and both images alone and together.
    private func check(_ graph: NetworkGraph, _ weights: SafetensorsFile, _ input: [Float], _ expected: [Float]) throws
    {
        for set in KernelSet.supported {
            for threads in [1, 2, 3] {
                let network = try Network(
                    graph: graph, weights: weights, arithmetic: .int8, options: .init(threads: threads, kernels: set))
                for batch in [1, 2] {
                    let result = try network.run(Array(input.prefix(input.count / 2 * batch)), batch: batch)
                    let same = result.values == Array(expected.prefix(expected.count / 2 * batch))
                    #expect(same, "\(set), \(threads) threads, batch \(batch)")
                }
            }
        }
    }

    @Test("a convolution is an exact sum and one chain to a byte", arguments: convolutions)
    func convolution(test: Case) throws {
        var random = SeededGenerator(state: 31)
        let shape = test.input
        let count = shape.channels * shape.height * shape.width
        let input = random.floats(2 * count, in: -1.2...1.2)
        let layer = Reference.Layer(test, &random)
        let folder = try TemporaryFolder()
        // A zero point of 0 lets kernels skip padding, any other doesn't. The network's input has a layout of its own.
        for (hasZero, isFirst) in [(false, false), (true, false), (false, true), (true, true)] {
            let scale = random.floats(shape.channels, in: 0.004...0.01)
            let zero = (0..<shape.channels).map { _ in hasZero ? UInt8.random(in: 1...255, using: &random) : 0 }
            let result = test.relu ? "r" : "c"
            var nodes: [NetworkGraph.Node] = []
            if !isFirst { nodes.append(.init("p", .maxPool(.init(kernel: Extent(1))), ["input"])) }
            nodes.append(
                .init(
                    "c", .convolution(outputs: test.outputs, window: test.window, weight: "w", bias: "b"),
                    [isFirst ? "input" : "p"]))
            if test.relu { nodes.append(.init("r", .relu, ["c"])) }
            nodes.append(.init("f", .flatten, [result]))
            let weights = try folder.safetensors(
                ByteTensor.activation("input", scale, zero)
                    + layer.tensors("c", result: result, inputs: shape.channels))
            let expected = [0, 1].flatMap { image -> [Float] in
                let bytes = Reference.Map(
                    input[image * count..<(image + 1) * count], shape, scale: scale, zero: zero)
                return layer.run(bytes).values
            }
            try check(NetworkGraph(input: shape, nodes: nodes, output: "f"), weights, input, expected)
        }
    }

    @Test("the largest products don't saturate")
    func extremes() throws {
        let shape = FeatureShape(channels: 512, height: 3, width: 5)
        var random = SeededGenerator(state: 1)
        let case9 = Case(512, 3, 5, 20, Extent(3), padding: Extent(1))
        var layer = Reference.Layer(case9, &random)
        // 255 x 127 in every product of half of the outputs, 255 x -127 in the others.
        let products = 512 * 9
        layer.weights = (0..<20 * products).map { $0 / products % 2 == 0 ? 127 : -127 }
        layer.weightScale = Array(repeating: 1e-6, count: 20)
        layer.scale = Array(repeating: 1.3, count: 20)
        layer.zero = Array(repeating: 127, count: 20)
        let count = 512 * 15
        let input = [Float](repeating: 255, count: 2 * count)
        let (scale, zero) = ([Float](repeating: 1, count: 512), [UInt8](repeating: 0, count: 512))
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(
            ByteTensor.activation("input", scale, zero) + layer.tensors("c", result: "c", inputs: 512))
        let graph = NetworkGraph(
            input: shape,
            nodes: [
                .init("c", .convolution(outputs: 20, window: case9.window, weight: "w", bias: nil), ["input"]),
                .init("f", .flatten, ["c"]),
            ], output: "f")
        let one = layer.run(Reference.Map(input.prefix(count), shape, scale: scale, zero: zero)).values
        #expect(Set(one).count > 8)
        try check(graph, weights, input, one + one)
    }

    @Test("pools take the largest byte, or the mean to the nearest", arguments: KernelTests.pools)
    func pooling(test: Case) throws {
        var random = SeededGenerator(state: 8)
        let (shape, window) = (test.input, test.window)
        let count = shape.channels * shape.height * shape.width
        let input = random.floats(2 * count)
        let scale = random.floats(shape.channels, in: 0.008...0.01)
        let pooledScale = random.floats(shape.channels, in: 0.005...0.01)
        let zero = (0..<shape.channels).map { _ in UInt8.random(in: 100...140, using: &random) }
        let pooledZero = (0..<shape.channels).map { _ in UInt8.random(in: 100...140, using: &random) }
        let height = (shape.height + 2 * window.padding.height - window.kernel.height) / window.stride.height + 1
        let width = (shape.width + 2 * window.padding.width - window.kernel.width) / window.stride.width + 1
        let folder = try TemporaryFolder()
        for operation in [
            NetworkGraph.Operation.maxPool(window), .averagePool(window, countIncludePadding: false),
            .averagePool(window, countIncludePadding: true),
        ] {
            var tensors = ByteTensor.activation("input", scale, zero)
            var (outScale, outZero, padded, isMaximum) = (scale, zero, false, true)
            if case .averagePool(_, let counted) = operation {
                tensors += ByteTensor.activation("p", pooledScale, pooledZero)
                (outScale, outZero, padded, isMaximum) = (pooledScale, pooledZero, counted, false)
            }
            let expected = [0, 1].flatMap { image -> [Float] in
                let map = Reference.Map(
                    input[image * count..<(image + 1) * count], shape, scale: scale, zero: zero)
                var bytes: [UInt8] = []
                for c in 0..<shape.channels {
                    for y in 0..<height {
                        for x in 0..<width {
                            var seen: [UInt8] = []
                            for ky in 0..<window.kernel.height {
                                for kx in 0..<window.kernel.width {
                                    let iy = y * window.stride.height + ky - window.padding.height
                                    let ix = x * window.stride.width + kx - window.padding.width
                                    guard 0..<shape.height ~= iy, 0..<shape.width ~= ix else { continue }
                                    seen.append(map.bytes[(c * shape.height + iy) * shape.width + ix])
                                }
                            }
                            if isMaximum {
                                bytes.append(seen.max()!)
                                continue
                            }
                            let area = padded ? window.kernel.height * window.kernel.width : seen.count
                            let sum = seen.reduce(0) { $0 + Int($1) - Int(zero[c]) }
                            let factor = Float(Double(scale[c]) / Double(pooledScale[c])) / Float(area)
                            bytes.append(Reference.byte(Float(sum), factor, Float(pooledZero[c])))
                        }
                    }
                }
                return Reference.Map(
                    FeatureShape(channels: shape.channels, height: height, width: width), bytes, scale: outScale,
                    zero: outZero
                ).values
            }
            let graph = NetworkGraph(
                input: shape, nodes: [.init("p", operation, ["input"]), .init("f", .flatten, ["p"])], output: "f")
            try check(graph, try folder.safetensors(tensors), input, expected)
        }
    }

    @Test("parts of a concatenation keep their scales; one may be in two, and the network's input in one")
    func concatenation() throws {
        var random = SeededGenerator(state: 12)
        let shape = FeatureShape(channels: 3, height: 6, width: 7)
        let input = random.floats(2 * 3 * 42)
        let (scale, zero) = (random.floats(3, in: 0.008...0.01), [120 as UInt8, 128, 140])
        let plain = NetworkGraph.Window(kernel: Extent(1))
        let a = Reference.Layer(Case(3, 6, 7, 18, Extent(1)), &random)
        let b = Reference.Layer(Case(18, 6, 7, 5, Extent(1)), &random)
        let c = Reference.Layer(Case(3 + 18 + 5 + 18, 6, 7, 33, Extent(3), padding: Extent(1)), &random)
        let graph = NetworkGraph(
            input: shape,
            nodes: [
                .init("a", .convolution(outputs: 18, window: plain, weight: "u", bias: nil), ["input"]),
                .init("b", .convolution(outputs: 5, window: plain, weight: "v", bias: nil), ["a"]),
                .init("d", .concat, ["a", "b"]), .init("e", .concat, ["input", "d", "a"]),
                .init("c", .convolution(outputs: 33, window: c.window, weight: "w", bias: nil), ["e"]),
                .init("g", .globalMaxAveragePool, ["c"]),
            ], output: "g")
        let folder = try TemporaryFolder()
        let weights = try folder.safetensors(
            ByteTensor.activation("input", scale, zero) + a.tensors("a", result: "a", inputs: 3)
                + b.tensors("b", result: "b", inputs: 18) + c.tensors("c", result: "c", inputs: 44))
        let expected = [0, 1].flatMap { image -> [Float] in
            let bytes = Reference.Map(input[image * 126..<(image + 1) * 126], shape, scale: scale, zero: zero)
            let first = a.run(bytes)
            let result = c.run(bytes + first + b.run(first) + first)
            func channels(_ value: (ArraySlice<UInt8>, Int) -> Float) -> [Float] {
                (0..<33).map { value(result.bytes[$0 * 42..<($0 + 1) * 42], $0) }
            }
            let maxima = channels { (Float($0.max()!) - Float(result.zero[$1])) * result.scale[$1] }
            let means = channels { plane, channel in
                let sum = plane.reduce(0) { $0 + Int($1) - Int(result.zero[channel]) }
                return Float(Double(sum) * Double(result.scale[channel]) / 42)
            }
            return maxima + means
        }
        try check(graph, weights, input, expected)
    }
}
