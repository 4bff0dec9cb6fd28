/// Xception (Chollet 2017, arXiv:1610.02357, figure 5).
public enum Xception {
    /// Xception with global average pooling and one linear layer. The result are logits.
    ///
    /// Parameter names are those of pretrained-models.pytorch (Cadene) and, but for the linear layer, of timm's
    /// `legacy_xception`: `conv1`, `bn1`, `block1.rep.0.conv1` … `bn4`, `last_linear`. Both take pictures of 299 × 299,
    /// normalised by mean and standard deviation 0.5.
    /// - Parameter width: scales every channel count, to multiples of 4; 1 is the published network.
    /// - Throws: `InferenceError` (`invalidGraph`) where the input is too small.
    public static func classifier(
        width: Double = 1, classes: Int, input: FeatureShape = FeatureShape(channels: 3, height: 299, width: 299)
    ) throws(InferenceError) -> NetworkGraph {
        var builder = GraphBuilder(width: width)
        builder.entryFlow()
        for block in 4...11 { builder.block("block\(block)", [728, 728, 728, 728]) }
        builder.block("block12", [728, 728, 1024], stride: 2)
        builder.exitFlow()
        return try builder.classifier(linear: "last_linear", classes: classes, input: input)
    }
}

extension GraphBuilder {
    private mutating func batchNorm(_ name: String, _ input: String) -> String {
        add(name, .batchNorm(.init(prefix: name, epsilon: 1e-5)), [input])
    }

    private mutating func convolution(
        _ name: String, _ input: String, _ count: Int, _ kernel: Int, stride: Int
    ) -> String {
        let window = NetworkGraph.Window(kernel: Extent(kernel), stride: Extent(stride))
        return add(
            name, .convolution(outputs: scaled(count), window: window, weight: name + ".weight", bias: nil), [input])
    }

    /// Each channel by itself over 3 × 3 pixels, then all channels of each pixel; nothing in between.
    private mutating func separable(_ name: String, _ input: String, from inputs: Int, to count: Int) -> String {
        let channels = scaled(inputs)
        let depthwise = add(
            name + ".conv1",
            .groupedConvolution(
                outputs: channels, groups: channels, window: .init(kernel: Extent(3), padding: Extent(1)),
                weight: name + ".conv1.weight", bias: nil), [input])
        return convolution(name + ".pointwise", depthwise, count, 1, stride: 1)
    }

    fileprivate mutating func entryFlow() {
        for (number, count) in [(1, 32), (2, 64)] {
            last = convolution("conv\(number)", last, count, 3, stride: number == 1 ? 2 : 1)
            last = batchNorm("bn\(number)", last)
            last = add("relu\(number)", .relu, [last])
        }
        block("block1", [64, 128, 128], stride: 2, startsWithReLU: false)
        block("block2", [128, 256, 256], stride: 2)
        block("block3", [256, 728, 728], stride: 2)
    }

    /// A residual block of separable convolutions, whose places in the branch number their names.
    ///
    /// A stride of 2 is a pool at the branch's end and a convolution beside the branch, which also changes the channels.
    /// - Parameter counts: channels of the input, then of each convolution's result.
    fileprivate mutating func block(_ name: String, _ counts: [Int], stride: Int = 1, startsWithReLU: Bool = true) {
        let input = last
        var place = 0
        func next() -> String {
            defer { place += 1 }
            return "\(name).rep.\(place)"
        }
        for (i, count) in counts.dropFirst().enumerated() {
            if i > 0 || startsWithReLU { last = add(next(), .relu, [last]) }
            last = separable(next(), last, from: counts[i], to: count)
            last = batchNorm(next(), last)
        }
        var skip = input
        if stride > 1 {
            last = add(
                next(), .maxPool(.init(kernel: Extent(3), stride: Extent(stride), padding: Extent(1))), [last])
            skip = convolution(name + ".skip", input, counts.last!, 1, stride: stride)
            skip = batchNorm(name + ".skipbn", skip)
        }
        last = add(name, .add, [last, skip])
    }

    fileprivate mutating func exitFlow() {
        for (number, inputs, count) in [(3, 1024, 1536), (4, 1536, 2048)] {
            last = separable("conv\(number)", last, from: inputs, to: count)
            last = batchNorm("bn\(number)", last)
            last = add("relu\(number)", .relu, [last])
        }
    }
}
