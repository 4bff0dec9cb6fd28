/// Inception-v4 (Szegedy et al. 2016, arXiv:1602.07261, figures 3 to 9).
public enum InceptionV4 {
    /// Inception-v4 with the CXR-Risk head (Lu et al., JAMA Netw Open 2019;2(7):e197416): global max and average
    /// pooling, batch norm, linear, ReLU, batch norm, linear. The result are logits.
    ///
    /// Parameter names are those of the published checkpoint: `0.0.<block>…` for the backbone, `1.<layer>…` for the
    /// head.
    /// - Parameters:
    ///   - width: scales every channel count of the backbone, to multiples of 4; 1 is the published network.
    ///   - hidden: outputs of the head's first linear layer, 512 in the published network.
    public static func cxrRisk(
        width: Double, hidden: Int, classes: Int,
        input: FeatureShape = FeatureShape(channels: 3, height: 224, width: 224)
    ) -> NetworkGraph {
        var builder = GraphBuilder(width: width)
        builder.backbone("0.0.")
        builder.head(hidden: hidden, classes: classes)
        return NetworkGraph(input: input, nodes: builder.nodes, output: "1.8")
    }

    /// Inception-v4 as published: global average pooling and one linear layer. The result are logits.
    ///
    /// Parameter names are those of pretrained-models.pytorch (Cadene) and of timm's `inception_v4`, which agree:
    /// `features.<block>…` and `last_linear`. Both take pictures of 299 × 299, normalised by mean and standard
    /// deviation 0.5.
    /// - Parameter width: as for `cxrRisk`.
    /// - Throws: `InferenceError` (`invalidGraph`) where the input is too small: below 75 × 75.
    public static func classifier(
        width: Double = 1, classes: Int, input: FeatureShape = FeatureShape(channels: 3, height: 299, width: 299)
    ) throws(InferenceError) -> NetworkGraph {
        var builder = GraphBuilder(width: width)
        builder.backbone("features.")
        return try builder.classifier(linear: "last_linear", classes: classes, input: input)
    }
}

extension GraphBuilder {
    /// A convolution of `count` outputs at full width, its batch norm and ReLU.
    private mutating func unit(
        _ name: String, _ input: String, _ count: Int, _ kernel: Extent, stride: Int = 1, padding: Extent = Extent(0)
    ) -> String {
        let window = NetworkGraph.Window(kernel: kernel, stride: Extent(stride), padding: padding)
        let convolution = add(
            name + ".conv",
            .convolution(outputs: scaled(count), window: window, weight: name + ".conv.weight", bias: nil), [input])
        let norm = add(name + ".bn", .batchNorm(.init(prefix: name + ".bn", epsilon: 1e-3)), [convolution])
        return add(name + ".relu", .relu, [norm])
    }

    private struct Unit {
        var count: Int
        var kernel: Extent
        var stride = 1
        var padding = Extent(0)

        static func one(_ count: Int) -> Unit { Unit(count: count, kernel: Extent(1)) }
        static func three(_ count: Int, padding: Int = 0, stride: Int = 1) -> Unit {
            Unit(count: count, kernel: Extent(3), stride: stride, padding: Extent(padding))
        }
        /// 1 row, 7 columns.
        static func row(_ count: Int) -> Unit { Unit(count: count, kernel: Extent(1, 7), padding: Extent(0, 3)) }
        /// 7 rows, 1 column.
        static func column(_ count: Int) -> Unit { Unit(count: count, kernel: Extent(7, 1), padding: Extent(3, 0)) }
    }

    /// Units one after the other, named `name.0`, `name.1` … .
    private mutating func chain(_ name: String, _ input: String, _ units: [Unit]) -> String {
        var value = input
        for (i, part) in units.enumerated() {
            value = unit(
                "\(name).\(i)", value, part.count, part.kernel, stride: part.stride, padding: part.padding)
        }
        return value
    }

    private mutating func averageBranch(_ name: String, _ input: String, _ count: Int) -> String {
        let window = NetworkGraph.Window(kernel: Extent(3), padding: Extent(1))
        let pooled = add(name + ".0", .averagePool(window, countIncludePadding: false), [input])
        return unit(name + ".1", pooled, count, Extent(1))
    }

    private mutating func maxPool(_ name: String, _ input: String) -> String {
        add(name, .maxPool(.init(kernel: Extent(3), stride: Extent(2))), [input])
    }

    /// Everything up to the last concatenation; names of blocks begin with `prefix`.
    fileprivate mutating func backbone(_ prefix: String) {
        last = unit("\(prefix)0", last, 32, Extent(3), stride: 2)
        last = unit("\(prefix)1", last, 32, Extent(3))
        last = unit("\(prefix)2", last, 64, Extent(3), padding: Extent(1))
        join("\(prefix)3") { b, name, x in
            [b.maxPool(name + ".maxpool", x), b.unit(name + ".conv", x, 96, Extent(3), stride: 2)]
        }
        join("\(prefix)4") { b, name, x in
            [
                b.chain(name + ".branch0", x, [.one(64), .three(96)]),
                b.chain(name + ".branch1", x, [.one(64), .row(64), .column(64), .three(96)]),
            ]
        }
        join("\(prefix)5") { b, name, x in
            [b.unit(name + ".conv", x, 192, Extent(3), stride: 2), b.maxPool(name + ".maxpool", x)]
        }
        for block in 6...9 { inceptionA("\(prefix)\(block)") }
        join("\(prefix)10") { b, name, x in
            [
                b.unit(name + ".branch0", x, 384, Extent(3), stride: 2),
                b.chain(name + ".branch1", x, [.one(192), .three(224, padding: 1), .three(256, stride: 2)]),
                b.maxPool(name + ".branch2", x),
            ]
        }
        for block in 11...17 { inceptionB("\(prefix)\(block)") }
        join("\(prefix)18") { b, name, x in
            [
                b.chain(name + ".branch0", x, [.one(192), .three(192, stride: 2)]),
                b.chain(name + ".branch1", x, [.one(256), .row(256), .column(320), .three(320, stride: 2)]),
                b.maxPool(name + ".branch2", x),
            ]
        }
        for block in 19...21 { inceptionC("\(prefix)\(block)") }
    }

    /// A block whose branches read the last value and are concatenated.
    private mutating func join(_ name: String, _ branches: (inout Self, String, String) -> [String]) {
        let values = branches(&self, name, last)
        last = add(name, .concat, values)
    }

    private mutating func inceptionA(_ name: String) {
        join(name) { b, name, x in
            [
                b.unit(name + ".branch0", x, 96, Extent(1)),
                b.chain(name + ".branch1", x, [.one(64), .three(96, padding: 1)]),
                b.chain(name + ".branch2", x, [.one(64), .three(96, padding: 1), .three(96, padding: 1)]),
                b.averageBranch(name + ".branch3", x, 96),
            ]
        }
    }

    private mutating func inceptionB(_ name: String) {
        join(name) { b, name, x in
            [
                b.unit(name + ".branch0", x, 384, Extent(1)),
                b.chain(name + ".branch1", x, [.one(192), .row(224), .column(256)]),
                b.chain(name + ".branch2", x, [.one(192), .column(192), .row(224), .column(224), .row(256)]),
                b.averageBranch(name + ".branch3", x, 128),
            ]
        }
    }

    private mutating func inceptionC(_ name: String) {
        let row = Extent(1, 3)
        let rowPadding = Extent(0, 1)
        let column = Extent(3, 1)
        let columnPadding = Extent(1, 0)
        join(name) { b, name, x in
            let branch0 = b.unit(name + ".branch0", x, 256, Extent(1))
            let branch1 = b.unit(name + ".branch1_0", x, 384, Extent(1))
            let branch1a = b.unit(name + ".branch1_1a", branch1, 256, row, padding: rowPadding)
            let branch1b = b.unit(name + ".branch1_1b", branch1, 256, column, padding: columnPadding)
            var branch2 = b.unit(name + ".branch2_0", x, 384, Extent(1))
            branch2 = b.unit(name + ".branch2_1", branch2, 448, column, padding: columnPadding)
            branch2 = b.unit(name + ".branch2_2", branch2, 512, row, padding: rowPadding)
            let branch2a = b.unit(name + ".branch2_3a", branch2, 256, row, padding: rowPadding)
            let branch2b = b.unit(name + ".branch2_3b", branch2, 256, column, padding: columnPadding)
            let branch3 = b.averageBranch(name + ".branch3", x, 256)
            return [branch0, branch1a, branch1b, branch2a, branch2b, branch3]
        }
    }

    fileprivate mutating func head(hidden: Int, classes: Int) {
        // fastai's batch norms keep PyTorch's default epsilon.
        last = add("1.0", .globalMaxAveragePool, [last])
        last = add("1.2", .batchNorm(.init(prefix: "1.2", epsilon: 1e-5)), [last])
        last = add("1.4", .linear(outputs: hidden, weight: "1.4.weight", bias: "1.4.bias"), [last])
        last = add("1.5", .relu, [last])
        last = add("1.6", .batchNorm(.init(prefix: "1.6", epsilon: 1e-5)), [last])
        last = add("1.8", .linear(outputs: classes, weight: "1.8.weight", bias: "1.8.bias"), [last])
    }
}
