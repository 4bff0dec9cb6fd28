/// The tensors of a quantised model, by name.
///
/// A convolution named c, with the batch norm and the ReLU that its kernel computes along, has
/// - `c.weight`, I8 (outputs, inputs, kernel rows, kernel columns), -127 … 127,
/// - `c.weight.scale` and `c.bias`, F32 (outputs):
///   its result for an output is weight.scale x sum of weight x (input - the input's zero point) + bias, with the input
///   in bytes. So the scales of the input's channels are part of the weights.
///
/// The network's input and the result v of every convolution and average pool have
/// - `activation.v.scale`, F32 (channels), and `activation.v.zero_point`, U8 (channels): a byte q stands for
///   (q - zero_point) x scale. After a ReLU zero points are 0.
///
/// A maximum pool and a concatenation keep the scales of what they read. Operations on vectors have their float32 tensors
/// by the graph's own names.
struct QuantisedParameters {
    struct Tensor: Equatable {
        var name: String
        var dtype: String
        var shape: [Int]
    }

    /// The nodes on feature maps, in order.
    let nodes: [FusedNode]
    /// Everything the file must hold.
    let tensors: [Tensor]
    /// Those of operations on vectors.
    let floats: [NetworkGraph.Parameter]
    /// The network's input, then results of convolutions and average pools.
    let values: [String]

    /// A sum's products lie in 255 x 127, and half of the 31 bits is left to the zero points.
    static let mostProducts = (1 << 30) / (255 * 127)

    static func weight(_ node: FusedNode) -> String { node.name + ".weight" }
    static func weightScale(_ node: FusedNode) -> String { node.name + ".weight.scale" }
    static func bias(_ node: FusedNode) -> String { node.name + ".bias" }
    static func scale(of value: String) -> String { "activation.\(value).scale" }
    static func zeroPoint(of value: String) -> String { "activation.\(value).zero_point" }

    /// - Throws: `InferenceError` (`invalidGraph`) where the network has operations on feature maps that are not
    ///   quantised.
    init(_ graph: NetworkGraph, shapes: [String: ValueShape]) throws(InferenceError) {
        var nodes: [FusedNode] = []
        var values = [NetworkGraph.inputName]
        var tensors: [Tensor] = []
        var folded: Set<String> = []
        for node in try graph.fused(shapes: shapes) {
            if case .vector = shapes[node.inputs[0]]!, case .vector = shapes[node.result]! { continue }
            try Self.check(node, shapes)
            nodes.append(node)
            switch node.operation {
            case .convolution(let convolution):
                guard case .map(let input) = shapes[node.inputs[0]]! else { continue }
                let kernel = convolution.window.kernel
                tensors += [
                    Tensor(
                        name: Self.weight(node), dtype: "I8",
                        shape: [convolution.outputs, input.channels, kernel.height, kernel.width]),
                    Tensor(name: Self.weightScale(node), dtype: "F32", shape: [convolution.outputs]),
                    Tensor(name: Self.bias(node), dtype: "F32", shape: [convolution.outputs]),
                ]
                let norm = convolution.norm.map { [$0.weight, $0.bias, $0.mean, $0.variance] } ?? []
                folded.formUnion([convolution.weight] + norm)
                if let bias = convolution.bias { folded.insert(bias) }
                values.append(node.result)
            case .averagePool: values.append(node.result)
            default: break
            }
        }
        for value in values {
            guard case .map(let shape) = shapes[value]! else { continue }
            tensors += [
                Tensor(name: Self.scale(of: value), dtype: "F32", shape: [shape.channels]),
                Tensor(name: Self.zeroPoint(of: value), dtype: "U8", shape: [shape.channels]),
            ]
        }
        floats = graph.parameters(shapes: shapes).filter { !folded.contains($0.name) }
        tensors += floats.map { Tensor(name: $0.name, dtype: "F32", shape: $0.shape) }
        guard Set(tensors.map(\.name)).count == tensors.count else {
            throw InferenceError(.invalidGraph, "the network's names give two quantised tensors one name")
        }
        (self.nodes, self.tensors, self.values) = (nodes, tensors, values)
    }

    private static func check(_ node: FusedNode, _ shapes: [String: ValueShape]) throws(InferenceError) {
        func refusal(_ reason: String) -> InferenceError {
            InferenceError(.invalidGraph, "the node “\(node.name)” is not quantised: \(reason)")
        }
        switch node.operation {
        case .convolution(let convolution):
            guard convolution.isPlain else { throw refusal("its convolution has groups, dilation or uneven padding") }
            guard case .map(let input) = shapes[node.inputs[0]]!,
                input.channels * convolution.window.kernel.height * convolution.window.kernel.width <= mostProducts
            else { throw refusal("its sums have more than \(mostProducts) products") }
        case .maxPool(let window), .averagePool(let window, _):
            guard (window.dilation ?? Extent(1)) == Extent(1) else { throw refusal("its windows are dilated") }
        case .concat, .globalMaxAveragePool, .flatten: break
        default:
            throw refusal(
                "of feature maps there are convolutions (with batch norm and ReLU), pools, concatenation and flattening"
            )
        }
    }
}

extension QuantisedParameters {
    /// How bytes of a value stand for numbers.
    struct Activation: Equatable {
        /// By channel.
        var scale: [Float]
        var zeroPoint: [UInt8]
    }

    /// Checks that `file` holds these tensors, no others, and that scales and weights are usable ones.
    /// - Throws: `InferenceError` (`mismatchedWeights`, `nonFiniteWeights`).
    func check(_ file: SafetensorsFile) throws(InferenceError) {
        var problems: [String] = []
        for tensor in tensors {
            guard let found = file.tensors[tensor.name] else {
                problems.append("“\(tensor.name)” is missing")
                continue
            }
            if found.shape != tensor.shape {
                problems.append("“\(tensor.name)” is \(found.shape) and should be \(tensor.shape)")
            } else if found.dtype != tensor.dtype {
                problems.append("“\(tensor.name)” is \(found.dtype) and should be \(tensor.dtype)")
            }
        }
        let needed = Set(tensors.map(\.name))
        for name in file.tensors.keys.sorted() where !needed.contains(name) {
            problems.append("“\(name)” belongs to no node")
        }
        guard problems.isEmpty else { throw .mismatchedWeights(of: file.name, problems) }
        for tensor in tensors where tensor.dtype == "I8" {
            let lowest = file.withBytes(of: tensor.name) { $0.contains(0x80) }
            guard !lowest else {
                throw InferenceError(
                    .mismatchedWeights, "the weights “\(tensor.name)” of \(file.name) hold -128; they are -127 to 127")
            }
        }
        do {
            for node in nodes {
                guard case .convolution(let convolution) = node.operation else { continue }
                let zeroPoint = Self.zeroPoint(of: node.result)
                guard !convolution.relu || file.withBytes(of: zeroPoint, { $0.allSatisfy { $0 == 0 } }) else {
                    throw InferenceError(
                        .mismatchedWeights, "“\(zeroPoint)” of \(file.name) is not 0, as it must be after a ReLU")
                }
                try file.checkScales(Self.weightScale(node))
                try file.withFloats(of: Self.bias(node)) { values in
                    guard values.allSatisfy({ $0.isFinite && abs($0) <= SafetensorsFile.scaleLimit }) else {
                        throw InferenceError.nonFiniteWeights(of: node.name, in: file.name)
                    }
                }
            }
            for value in values { try file.checkScales(Self.scale(of: value)) }
        } catch let error as InferenceError {
            throw error
        } catch {
            preconditionFailure("only this module's errors are thrown")
        }
    }

    /// The scale and zero point of one of `values`, in a checked file.
    func activation(_ value: String, in file: SafetensorsFile) throws -> Activation {
        Activation(
            scale: try file.withFloats(of: Self.scale(of: value)) { Array($0) },
            zeroPoint: file.withBytes(of: Self.zeroPoint(of: value)) { Array($0) })
    }
}

extension SafetensorsFile {
    /// Scales of any use lie far within; products of two, and of a sum, stay finite.
    static let scaleLimit: Float = 0x1p40

    /// A tensor's bytes, which stay where they are as long as this object lives; it must be there.
    func withBytes<R>(of tensor: String, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let range = tensors[tensor]!.range
        return withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    fileprivate func checkScales(_ tensor: String) throws {
        try withFloats(of: tensor) { scales in
            guard scales.allSatisfy({ 1 / Self.scaleLimit <= $0 && $0 <= Self.scaleLimit }) else {
                throw InferenceError(
                    .mismatchedWeights,
                    "the scales “\(tensor)” of \(name) are not all positive and within 2^-40 to 2^40: quantise the model "
                        + "anew")
            }
        }
    }
}
