/// Collects the nodes of an architecture, one after the other.
struct GraphBuilder {
    /// Scales every channel count.
    let width: Double
    private(set) var nodes: [NetworkGraph.Node] = []
    /// The value that the next layer reads, by name.
    var last = NetworkGraph.inputName

    init(width: Double) { self.width = width }

    /// `count` channels at this width: a multiple of 4, halves to even as the reference rounds.
    func scaled(_ count: Int) -> Int { max(4, Int((Double(count) * width / 4).rounded(.toNearestOrEven)) * 4) }

    /// Adds a node and returns its name.
    mutating func add(_ name: String, _ operation: NetworkGraph.Operation, _ inputs: [String]) -> String {
        nodes.append(.init(name, operation, inputs))
        return name
    }

    /// The graph so far, its last value averaged over all pixels and led through a linear layer.
    /// - Throws: `InferenceError` (`invalidGraph`).
    mutating func classifier(
        linear: String, classes: Int, input: FeatureShape
    ) throws(InferenceError) -> NetworkGraph {
        let shapes = try NetworkGraph(input: input, nodes: nodes, output: last).shapes()
        guard case .map(let features)? = shapes[last] else { preconditionFailure("“\(last)” is a feature map") }
        let window = NetworkGraph.Window(kernel: Extent(features.height, features.width))
        last = add("global_pool", .averagePool(window, countIncludePadding: false), [last])
        last = add("flatten", .flatten, [last])
        last = add(
            linear, .linear(outputs: classes, weight: linear + ".weight", bias: linear + ".bias"), [last])
        return NetworkGraph(input: input, nodes: nodes, output: last)
    }
}
