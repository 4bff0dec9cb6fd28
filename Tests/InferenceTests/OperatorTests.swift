import Foundation
import TestSupport
import Testing

@testable import Inference

/// The operations that Inception-v4 doesn't need, against plain loops in double precision over odd shapes, and to the bit
/// against themselves for every kernel set, several threads and batches.
@Suite struct OperatorTests {
    /// A feature map, or as 1 × 1 × n a vector.
    struct Plane {
        var channels: Int
        var height: Int
        var width: Int
        var values: [Double]

        init(_ channels: Int, _ height: Int, _ width: Int, _ value: (Int, Int, Int) -> Double) {
            (self.channels, self.height, self.width) = (channels, height, width)
            values = (0..<channels * height * width).map {
                value($0 / (height * width), $0 / width % height, $0 % width)
            }
        }

        /// 0 outside of the picture.
        subscript(c: Int, y: Int, x: Int) -> Double {
            0..<height ~= y && 0..<width ~= x ? values[(c * height + y) * width + x] : 0
        }

        func contains(_ y: Int, _ x: Int) -> Bool { 0..<height ~= y && 0..<width ~= x }

        func map(_ value: (Double) -> Double) -> Plane {
            var plane = self
            plane.values = values.map(value)
            return plane
        }
    }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Runs `nodes` every way there is and compares with `reference`, of each image.
    private func check(
        _ input: FeatureShape, _ nodes: [NetworkGraph.Node], _ weights: [String: TestTensor] = [:],
        tolerance: Double = 2e-6, _ reference: (Plane) -> Plane
    ) throws {
        let graph = NetworkGraph(input: input, nodes: nodes, output: nodes.last!.name)
        let file = try folder.safetensors(weights)
        var random = SeededGenerator(state: UInt64(input.channels * 1000 + input.pixels))
        let count = input.channels * input.pixels
        let images = random.floats(5 * count, in: -3...3)
        let expected = (0..<5).flatMap { image -> [Double] in
            let start = image * count
            return reference(
                Plane(input.channels, input.height, input.width) {
                    Double(images[start + ($0 * input.height + $1) * input.width + $2])
                }
            ).values
        }
        var first: [UInt32]?
        for set in KernelSet.supported {
            for (threads, batch) in [(1, 5), (2, 1), (3, 2)] {
                let network = try Network(graph: graph, weights: file, options: .init(threads: threads, kernels: set))
                let result = try network.run(Array(images.prefix(batch * count)), batch: batch)
                try #require(result.values.count == expected.count / 5 * batch)
                if let first {
                    let same = result.bits.elementsEqual(first.prefix(result.values.count))
                    #expect(same, "\(nodes.last!.operation): \(set), \(threads) threads, batch \(batch)")
                } else {
                    first = result.bits
                    for (found, wanted) in zip(result.values, expected) {
                        let close = abs(Double(found) - wanted) <= tolerance * max(1, abs(wanted))
                        #expect(close, "\(nodes.last!.operation): \(found) and not \(wanted)")
                        guard close else { return }
                    }
                }
            }
        }
    }

    // MARK: Windows

    struct Case {
        var groups: Int
        var inputs: Int
        var outputs: Int
        var size: Extent
        var kernel: Extent
        var stride = Extent(1)
        var start = Extent(0)
        var end = Extent(0)
        var dilation = Extent(1)
    }

    static let convolutions: [Case] = [
        // Depthwise: whole blocks, part of one, several outputs each.
        Case(
            groups: 16, inputs: 16, outputs: 16, size: Extent(7, 5), kernel: Extent(3), start: Extent(1), end: Extent(1)
        ),
        Case(groups: 35, inputs: 35, outputs: 35, size: Extent(6, 9), kernel: Extent(3), stride: Extent(2)),
        Case(
            groups: 5, inputs: 5, outputs: 20, size: Extent(4, 4), kernel: Extent(2, 3), start: Extent(1, 0),
            end: Extent(0, 2)),
        // Groups that share blocks, and groups larger than one.
        Case(groups: 4, inputs: 24, outputs: 68, size: Extent(5, 3), kernel: Extent(1)),
        Case(
            groups: 2, inputs: 36, outputs: 70, size: Extent(5, 6), kernel: Extent(3), start: Extent(1), end: Extent(1)),
        // No groups: dilation, and padding at one end.
        Case(
            groups: 1, inputs: 19, outputs: 33, size: Extent(11, 8), kernel: Extent(3), start: Extent(2),
            end: Extent(2), dilation: Extent(2)),
        Case(
            groups: 1, inputs: 3, outputs: 8, size: Extent(9, 9), kernel: Extent(3), stride: Extent(2),
            start: Extent(0), end: Extent(1)),
        Case(
            groups: 1, inputs: 2, outputs: 1, size: Extent(1, 40), kernel: Extent(1, 5), stride: Extent(1, 3),
            start: Extent(0, 7), end: Extent(0, 1), dilation: Extent(1, 4)),
    ]

    @Test("convolutions with groups, dilation and uneven padding", arguments: convolutions)
    func convolution(_ its: Case) throws {
        var random = SeededGenerator(state: 3)
        let (rows, columns) = (its.kernel.height, its.kernel.width)
        let perGroup = its.inputs / its.groups
        let weight = random.tensor(its.outputs, perGroup, rows, columns)
        let bias = random.tensor(its.outputs)
        let window = NetworkGraph.Window(
            kernel: its.kernel, stride: its.stride, padding: its.start, endPadding: its.end, dilation: its.dilation)
        let operation: NetworkGraph.Operation =
            its.groups == 1
            ? .convolution(outputs: its.outputs, window: window, weight: "w", bias: "b")
            : .groupedConvolution(outputs: its.outputs, groups: its.groups, window: window, weight: "w", bias: "b")
        func extent(_ side: KeyPath<Extent, Int>) -> Int {
            (its.size[keyPath: side] + its.start[keyPath: side] + its.end[keyPath: side]
                - (its.kernel[keyPath: side] - 1) * its.dilation[keyPath: side] - 1) / its.stride[keyPath: side] + 1
        }
        for relu in [false, true] {
            let nodes: [NetworkGraph.Node] =
                [.init("c", operation, ["input"])] + (relu ? [.init("r", .relu, ["c"])] : [])
            let shape = FeatureShape(channels: its.inputs, height: its.size.height, width: its.size.width)
            try check(shape, nodes, ["w": weight, "b": bias], tolerance: 2e-5) { picture in
                Plane(its.outputs, extent(\.height), extent(\.width)) { output, oy, ox in
                    let first = output / (its.outputs / its.groups) * perGroup
                    var sum = Double(bias.values[output])
                    for c in 0..<perGroup {
                        for ky in 0..<rows {
                            for kx in 0..<columns {
                                let y = oy * its.stride.height + ky * its.dilation.height - its.start.height
                                let x = ox * its.stride.width + kx * its.dilation.width - its.start.width
                                let w = weight.values[((output * perGroup + c) * rows + ky) * columns + kx]
                                sum += Double(w) * picture[first + c, y, x]
                            }
                        }
                    }
                    return relu ? max(sum, 0) : sum
                }
            }
        }
    }

    @Test("a grouped convolution reads blocks that a concatenation left part full, and folds a batch norm")
    func irregularBlocks() throws {
        var random = SeededGenerator(state: 4)
        let weight = random.tensor(10, 1, 1, 1)
        let norm = NetworkGraph.BatchNormParameters(prefix: "n", epsilon: 1e-3)
        let tensors = [
            "w": weight, norm.weight: random.tensor(10), norm.bias: random.tensor(10), norm.mean: random.tensor(10),
            norm.variance: random.tensor(10, range: 0.5...2),
        ]
        let window = NetworkGraph.Window(kernel: Extent(1))
        let nodes: [NetworkGraph.Node] = [
            .init("j", .concat, ["input", "input"]),
            .init("c", .groupedConvolution(outputs: 10, groups: 10, window: window, weight: "w", bias: nil), ["j"]),
            .init("n", .batchNorm(norm), ["c"]),
        ]
        try check(FeatureShape(channels: 5, height: 3, width: 5), nodes, tensors) { picture in
            Plane(10, 3, 5) { c, y, x in
                func value(_ name: String) -> Double { Double(tensors[name]!.values[c]) }
                let product = value("w") * picture[c % 5, y, x]
                return (product - value(norm.mean)) / (value(norm.variance) + 1e-3).squareRoot() * value(norm.weight)
                    + value(norm.bias)
            }
        }
    }

    @Test("pools that are dilated or unevenly padded")
    func pools() throws {
        let shape = FeatureShape(channels: 20, height: 9, width: 7)
        let dilated = NetworkGraph.Window(
            kernel: Extent(3, 2), stride: Extent(2), padding: Extent(1), endPadding: Extent(2, 0),
            dilation: Extent(2, 3))
        let uneven = NetworkGraph.Window(
            kernel: Extent(3), stride: Extent(2), padding: Extent(0), endPadding: Extent(1, 2))
        func pooled(
            _ window: NetworkGraph.Window, _ height: Int, _ width: Int, _ combine: @escaping ([Double]) -> Double
        ) -> (Plane) -> Plane {
            { picture in
                Plane(20, height, width) { c, oy, ox in
                    var seen: [Double] = []
                    let dilation = window.dilation ?? Extent(1)
                    for ky in 0..<window.kernel.height {
                        for kx in 0..<window.kernel.width {
                            let y = oy * window.stride.height + ky * dilation.height - window.padding.height
                            let x = ox * window.stride.width + kx * dilation.width - window.padding.width
                            if picture.contains(y, x) { seen.append(picture[c, y, x]) }
                        }
                    }
                    return combine(seen)
                }
            }
        }
        try check(shape, [.init("p", .maxPool(dilated), ["input"])], tolerance: 0, pooled(dilated, 4, 3) { $0.max()! })
        try check(shape, [.init("p", .maxPool(uneven), ["input"])], tolerance: 0, pooled(uneven, 4, 4) { $0.max()! })
        try check(
            shape, [.init("p", .averagePool(uneven, countIncludePadding: false), ["input"])], tolerance: 2e-6,
            pooled(uneven, 4, 4) { $0.reduce(0, +) / Double($0.count) })
        try check(
            shape, [.init("p", .averagePool(uneven, countIncludePadding: true), ["input"])], tolerance: 2e-6,
            pooled(uneven, 4, 4) { $0.reduce(0, +) / 9 })
    }

    @Test("borders of a constant, of the outermost pixels, and mirrored")
    func borders() throws {
        let shape = FeatureShape(channels: 18, height: 4, width: 5)
        for fill in [NetworkGraph.Border.Fill.constant(1.5), .reflect, .edge] {
            let border = NetworkGraph.Border(start: Extent(3, 1), end: Extent(2, 4), fill: fill)
            try check(shape, [.init("b", .border(border), ["input"])], tolerance: 0) { picture in
                Plane(18, 9, 10) { c, y, x in
                    func inside(_ place: Int, _ length: Int) -> Int {
                        if fill == .edge { return min(max(place, 0), length - 1) }
                        return place < 0 ? -place : place >= length ? 2 * length - 2 - place : place
                    }
                    if case .constant(let value) = fill {
                        return picture.contains(y - 3, x - 1) ? picture[c, y - 3, x - 1] : Double(value)
                    }
                    return picture[c, inside(y - 3, 4), inside(x - 1, 5)]
                }
            }
        }
    }

    // MARK: Elements

    @Test("functions of feature maps and of vectors")
    func activations() throws {
        let functions: [(NetworkGraph.Activation, (Double) -> Double)] = [
            (.clip(lower: -0.5, upper: 2), { min(max($0, -0.5), 2) }),
            (.leakyRelu(slope: 0.1), { $0 > 0 ? $0 : $0 * 0.1 }),
            (.hardSigmoid(slope: 0.3, offset: 0.5), { min(max($0 * 0.3 + 0.5, 0), 1) }),
            (.sigmoid, { 1 / (1 + exp(-$0)) }),
            (.tanh, { tanh($0) }), (.elu(alpha: 1.5), { $0 > 0 ? $0 : 1.5 * expm1($0) }),
            (.softplus, { log1p(exp($0)) }),
        ]
        for (function, reference) in functions {
            // A last block part full, whose other lanes must stay zero: the sum over pairs of blocks would show them.
            let shape = FeatureShape(channels: 21, height: 3, width: 5)
            try check(shape, [.init("f", .activation(function), ["input"])], tolerance: 2e-7) { $0.map(reference) }
            try check(
                shape, [.init("v", .flatten, ["input"]), .init("f", .activation(function), ["v"])], tolerance: 2e-7
            ) { $0.map(reference) }
        }
        try check(
            FeatureShape(channels: 3, height: 2, width: 2),
            [.init("v", .flatten, ["input"]), .init("r", .relu, ["v"])],
            tolerance: 0
        ) { $0.map { max($0, 0) } }
    }

    @Test("tiny and huge arguments keep their precision")
    func extremes() throws {
        let values: [Float] = [
            0, 1e-30, -1e-30, 1e-9, -1e-9, 1e-4, -1e-4, 0.011, -0.011, 20, -20, 90, -90, 1e30, -1e30,
        ]
        let shape = FeatureShape(channels: values.count, height: 1, width: 1)
        let functions: [(NetworkGraph.Activation, (Double) -> Double)] = [
            (.sigmoid, { 1 / (1 + exp(-$0)) }), (.tanh, { tanh($0) }), (.elu(alpha: 1), { $0 > 0 ? $0 : expm1($0) }),
            (.softplus, { $0 > 700 ? $0 : log1p(exp($0)) }),
        ]
        for (function, reference) in functions {
            let graph = NetworkGraph(input: shape, nodes: [.init("f", .activation(function), ["input"])], output: "f")
            let network = try Network(graph: graph, weights: folder.safetensors([:]), options: .init(threads: 1))
            for (found, value) in zip(try network.run(values, batch: 1).values, values) {
                let wanted = Float(reference(Double(value)))
                #expect(abs(found - wanted) <= wanted.ulp, "\(function) of \(value): \(found) and not \(wanted)")
            }
        }
    }

    @Test("slopes and batch norms by channel, of feature maps and of vectors")
    func byChannel() throws {
        var random = SeededGenerator(state: 6)
        let shape = FeatureShape(channels: 19, height: 2, width: 3)
        let slopes = random.tensor(19)
        try check(shape, [.init("p", .prelu(slope: "s"), ["input"])], ["s": slopes]) { picture in
            Plane(19, 2, 3) { c, y, x in
                let value = picture[c, y, x]
                return value > 0 ? value : value * Double(slopes.values[c])
            }
        }
        let flat = FeatureShape(channels: 19, height: 1, width: 1)
        let norm = NetworkGraph.BatchNormParameters(prefix: "n", epsilon: 0)
        let tensors = [
            norm.weight: random.tensor(19), norm.bias: random.tensor(19), norm.mean: random.tensor(19),
            norm.variance: random.tensor(19, range: 0.5...2),
        ]
        try check(flat, [.init("v", .flatten, ["input"]), .init("n", .batchNorm(norm), ["v"])], tensors) { picture in
            Plane(19, 1, 1) { c, _, _ in
                func value(_ name: String) -> Double { Double(tensors[name]!.values[c]) }
                return (picture[c, 0, 0] - value(norm.mean)) / value(norm.variance).squareRoot() * value(norm.weight)
                    + value(norm.bias)
            }
        }
    }

    @Test("sums and products, also of maps whose channels lie in other blocks")
    func pairs() throws {
        let shape = FeatureShape(channels: 6, height: 5, width: 3)
        let still = NetworkGraph.Window(kernel: Extent(1))
        // 24 channels in blocks of 6, and shuffled into blocks of 16 and 8.
        let parts: [NetworkGraph.Node] = [
            .init("j", .concat, ["input", "input", "input", "input"]), .init("s", .shuffle(groups: 3), ["j"]),
        ]
        func channel(_ picture: Plane, _ c: Int, _ y: Int, _ x: Int) -> Double {
            picture[(c % 3 * 8 + c / 3) % 6, y, x]
        }
        for (first, second) in [("j", "s"), ("s", "j"), ("s", "s")] {
            for operation in [NetworkGraph.Operation.add, .multiply] {
                for relu in [false, true] {
                    let nodes: [NetworkGraph.Node] =
                        parts + [.init("r", operation, [first, second])] + (relu ? [.init("z", .relu, ["r"])] : [])
                    try check(shape, nodes) { picture in
                        Plane(24, 5, 3) { c, y, x in
                            let a = first == "j" ? picture[c % 6, y, x] : channel(picture, c, y, x)
                            let b = second == "j" ? picture[c % 6, y, x] : channel(picture, c, y, x)
                            let value = operation == .add ? a + b : a * b
                            return relu ? max(value, 0) : value
                        }
                    }
                }
            }
        }
        let vectors: [NetworkGraph.Node] = [.init("v", .flatten, ["input"]), .init("r", .multiply, ["v", "v"])]
        try check(shape, vectors) { $0.map { $0 * $0 } }
        // Large planes run image by image: the second operand, too, is each image's own.
        let large = FeatureShape(channels: 3, height: 40, width: 31)
        let early: [NetworkGraph.Node] = [
            .init("p", .maxPool(still), ["input"]), .init("q", .activation(.leakyRelu(slope: 0.5)), ["p"]),
            .init("r", .add, ["p", "q"]),
        ]
        try check(large, early) { $0.map { $0 + ($0 > 0 ? $0 : $0 / 2) } }
    }

    @Test("local response norms with windows of odd and even size, and other exponents than 0.75")
    func responseNorms() throws {
        for (size, beta, bias) in [(5, 0.75, 1.0), (4, 0.5, 2.0), (1, 1.3, 0.25), (64, 0.75, 1)] {
            let norm = NetworkGraph.ResponseNorm(size: size, alpha: 0.3, beta: beta, bias: bias)
            let nodes: [NetworkGraph.Node] = [
                .init("j", .concat, ["input", "input"]), .init("n", .responseNorm(norm), ["j"]),
            ]
            try check(FeatureShape(channels: 11, height: 3, width: 2), nodes, tolerance: 3e-7) { picture in
                Plane(22, 3, 2) { c, y, x in
                    let window = max(0, c - (size - 1) / 2)...min(21, c + size / 2)
                    let sum = window.reduce(0.0) { $0 + picture[$1 % 11, y, x] * picture[$1 % 11, y, x] }
                    return picture[c % 11, y, x] / pow(bias + 0.3 / Double(size) * sum, beta)
                }
            }
        }
    }

    // MARK: Arrangement

    @Test("vectors of feature maps and back, transposed, sliced and repeated")
    func arrangement() throws {
        let shape = FeatureShape(channels: 18, height: 3, width: 4)
        // To (rows, columns, channels), backwards along the channels.
        let turned: [NetworkGraph.Node] = [
            .init("v", .flatten, ["input"]),
            .init("t", .strided(extents: [3, 4, 18], strides: [4, 1, -12], offset: 17 * 12), ["v"]),
            .init("m", .unflatten(FeatureShape(channels: 3, height: 4, width: 18)), ["t"]),
        ]
        try check(shape, turned, tolerance: 0) { picture in
            Plane(3, 4, 18) { row, column, channel in picture[17 - channel, row, column] }
        }
        let repeated: [NetworkGraph.Node] = [
            .init("v", .flatten, ["input"]),
            .init("t", .strided(extents: [5, 2, 2], strides: [0, 24, 1], offset: 3), ["v"]),
        ]
        try check(shape, repeated, tolerance: 0) { picture in
            Plane(1, 1, 20) { _, _, i in picture.values[3 + i / 2 % 2 * 24 + i % 2] }
        }
        try check(shape, [.init("s", .shuffle(groups: 6), ["input"])], tolerance: 0) { picture in
            Plane(18, 3, 4) { c, y, x in picture[c % 6 * 3 + c / 6, y, x] }
        }
    }

    @Test("softmax along a dimension, and its logarithm")
    func softmax() throws {
        let shape = FeatureShape(channels: 5, height: 7, width: 3)
        for (length, inner) in [(3, 1), (7, 3), (5, 21), (105, 1), (1, 1)] {
            for logarithm in [false, true] {
                let nodes: [NetworkGraph.Node] = [
                    .init("v", .flatten, ["input"]),
                    .init("s", .softmaxAlong(length: length, inner: inner, logarithm: logarithm), ["v"]),
                ]
                try check(shape, nodes, tolerance: 3e-7) { picture in
                    Plane(1, 1, 105) { _, _, i in
                        let start = i / (length * inner) * length * inner + i % inner
                        let sum = (0..<length).reduce(0.0) { $0 + exp(picture.values[start + $1 * inner]) }
                        let value = picture.values[i]
                        return logarithm ? value - log(sum) : exp(value) / sum
                    }
                }
            }
        }
    }

    @Test("what can't be computed is refused when the graph is checked")
    func refusals() {
        let window = NetworkGraph.Window(kernel: Extent(3))
        var dilated = window
        dilated.dilation = Extent(2)
        let far = NetworkGraph.Window(kernel: Extent(2), padding: Extent(2))
        let bad: [[NetworkGraph.Node]] = [
            [
                .init(
                    "bad", .groupedConvolution(outputs: 6, groups: 4, window: window, weight: "w", bias: nil), ["input"]
                )
            ],
            [
                .init(
                    "bad", .groupedConvolution(outputs: 6, groups: 0, window: window, weight: "w", bias: nil), ["input"]
                )
            ],
            [.init("bad", .averagePool(dilated, countIncludePadding: false), ["input"])],
            [.init("bad", .maxPool(far), ["input"])],
            [.init("bad", .add, ["input"])], [.init("bad", .shuffle(groups: 4), ["input"])],
            [.init("p", .maxPool(window), ["input"]), .init("bad", .multiply, ["input", "p"])],
            [.init("bad", .border(.init(start: Extent(9), end: Extent(0), fill: .reflect)), ["input"])],
            [.init("bad", .border(.init(start: Extent(-1), end: Extent(0), fill: .edge)), ["input"])],
            [.init("bad", .border(.init(start: Extent(1), end: Extent(0), fill: .constant(.nan))), ["input"])],
            [.init("bad", .responseNorm(.init(size: 5, alpha: 1, beta: 1, bias: 0)), ["input"])],
            [.init("bad", .flatten, ["input"]), .init("bad", .flatten, ["bad"])],
            [
                .init("v", .flatten, ["input"]),
                .init("bad", .unflatten(FeatureShape(channels: 6, height: 6, width: 5)), ["v"]),
            ],
            [.init("v", .flatten, ["input"]), .init("bad", .strided(extents: [6], strides: [44], offset: 0), ["v"])],
            [.init("v", .flatten, ["input"]), .init("bad", .strided(extents: [2], strides: [-1], offset: 0), ["v"])],
            [
                .init("v", .flatten, ["input"]),
                .init("bad", .strided(extents: [.max, .max], strides: [0, 0], offset: 0), ["v"]),
            ],
            [
                .init("v", .flatten, ["input"]),
                .init("bad", .softmaxAlong(length: 5, inner: 1, logarithm: false), ["v"]),
            ],
            [
                .init("v", .flatten, ["input"]),
                .init("bad", .softmaxAlong(length: 0, inner: 1, logarithm: false), ["v"]),
            ],
        ]
        for nodes in bad {
            let graph = NetworkGraph(
                input: FeatureShape(channels: 6, height: 6, width: 6), nodes: nodes, output: "bad")
            let error = #expect(throws: InferenceError.self, "\(nodes)") { try graph.shapes() }
            #expect(error?.code == .invalidGraph)
            #expect(error?.message.contains("bad") == true)
        }
    }
}
