internal import CKernels

/// One node on feature maps, computed alone and in float32.
struct CalibrationLayer {
    let node: FusedNode
    /// Values that no later layer reads.
    private(set) var dead: [String] = []
    /// Of a convolution without its ReLU, or of a pool; nil for concatenations, and for what ends the feature maps.
    private let network: Network?
    private let relu: Bool

    /// The layers of `nodes`.
    static func layers(
        _ nodes: [FusedNode], _ shapes: [String: ValueShape], _ weights: SafetensorsFile
    ) throws -> [CalibrationLayer] {
        var lastReader: [String: Int] = [:]
        for (i, node) in nodes.enumerated() { for input in node.inputs { lastReader[input] = i } }
        return try nodes.enumerated().map { i, node in
            var layer = try CalibrationLayer(node, shapes, weights)
            layer.dead = node.inputs.filter { lastReader[$0] == i }
            if lastReader[node.result] == nil { layer.dead.append(node.result) }
            return layer
        }
    }

    private init(_ node: FusedNode, _ shapes: [String: ValueShape], _ weights: SafetensorsFile) throws {
        switch node.operation {
        case .convolution(let convolution):
            let bare = NetworkGraph.Operation.convolution(
                outputs: convolution.outputs, window: convolution.window, weight: convolution.weight,
                bias: convolution.bias)
            try self.init(node, [bare] + (convolution.norm.map { [.batchNorm($0)] } ?? []), shapes, weights)
        case .maxPool(let window): try self.init(node, [.maxPool(window)], shapes, weights)
        case .averagePool(let window, let counted):
            try self.init(node, [.averagePool(window, countIncludePadding: counted)], shapes, weights)
        default: try self.init(node, [], shapes, weights)
        }
    }

    /// The convolution `node` with the tensors `weight` and `bias` instead of its own.
    init(dequantised node: FusedNode, _ shapes: [String: ValueShape], _ weights: SafetensorsFile) throws {
        guard case .convolution(let convolution) = node.operation else { preconditionFailure("no convolution") }
        let operation = NetworkGraph.Operation.convolution(
            outputs: convolution.outputs, window: convolution.window, weight: "weight", bias: "bias")
        try self.init(node, [operation], shapes, weights)
    }

    private init(
        _ node: FusedNode, _ operations: [NetworkGraph.Operation], _ shapes: [String: ValueShape],
        _ weights: SafetensorsFile
    ) throws {
        self.node = node
        relu = if case .convolution(let convolution) = node.operation { convolution.relu } else { false }
        guard case .map(let input) = shapes[node.inputs[0]]!, !operations.isEmpty else {
            network = nil
            return
        }
        var nodes: [NetworkGraph.Node] = []
        for (i, operation) in operations.enumerated() {
            nodes.append(.init("\(i)", operation, [i == 0 ? NetworkGraph.inputName : "\(i - 1)"]))
        }
        let graph = NetworkGraph(input: input, nodes: nodes, output: nodes.last!.name)
        let tensors = graph.parameters(shapes: try graph.shapes()).map {
            QuantisedParameters.Tensor(name: $0.name, dtype: "F32", shape: $0.shape)
        }
        let file = try SafetensorsFile.made(name: weights.name, tensors) { tensor, bytes in
            try weights.withFloats(of: tensor.name) { bytes.copyMemory(from: UnsafeRawBufferPointer($0)) }
        }
        network = try Network(graph: graph, weights: file, options: try ExecutionOptions(threads: 1))
    }

    /// The node's result from those before; of what ends the feature maps, nothing.
    func run(
        _ values: [String: [Float]], _ shapes: [String: ValueShape], batch: Int, withReLU: Bool = true
    ) throws -> [Float] {
        let input = values[node.inputs[0]]!
        guard let network else {
            guard node.isConcatenation else { return [] }
            let parts = node.inputs.map { (values: values[$0]!, count: shapes[$0]!.count) }
            var joined: [Float] = []
            joined.reserveCapacity(batch * shapes[node.result]!.count)
            for image in 0..<batch {
                for part in parts { joined += part.values[image * part.count..<(image + 1) * part.count] }
            }
            return joined
        }
        var result: [Float] = []
        result.reserveCapacity(batch * shapes[node.result]!.count)
        let count = input.count / batch
        try input.withUnsafeBufferPointer { input in
            for image in 0..<batch {
                let one = UnsafeBufferPointer(rebasing: input[image * count..<(image + 1) * count])
                result += try network.run(one, batch: 1).values
            }
        }
        if relu && withReLU { result.rectify() }
        return result
    }
}

extension [Float] {
    /// Negative values become 0.
    mutating func rectify() {
        withUnsafeMutableBufferPointer { lv_rectify($0.baseAddress, $0.count) }
    }
}

extension QuantisedParameters.Activation {
    /// `values`, (image, channel, row, column), as they are stored and read again.
    func rounded(_ values: [Float], _ shape: ValueShape) -> [Float] {
        guard case .map(let map) = shape else { preconditionFailure("vectors are not quantised") }
        var result = values
        result.withUnsafeMutableBufferPointer { result in
            for first in stride(from: 0, to: result.count, by: map.pixels) {
                let channel = first / map.pixels % map.channels
                lv_store_and_load(
                    result.baseAddress! + first, map.pixels, scale[channel], Float(zeroPoint[channel]))
            }
        }
        return result
    }
}
