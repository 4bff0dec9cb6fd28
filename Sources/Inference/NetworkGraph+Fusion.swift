/// A node of the graph together with the batch norms and the ReLU that its kernel computes along.
struct FusedNode {
    enum Operation {
        case convolution(Convolution)
        case affine(norm: NetworkGraph.BatchNormParameters?, relu: Bool)
        case maxPool(NetworkGraph.Window)
        case averagePool(NetworkGraph.Window, countIncludePadding: Bool)
        case concat
        case globalMaxAveragePool
        case linear(Linear)
        case softmax
    }

    struct Convolution {
        var outputs: Int
        var window: NetworkGraph.Window
        var weight: String
        var bias: String?
        var norm: NetworkGraph.BatchNormParameters?
        var relu: Bool
    }

    struct Linear {
        var outputs: Int
        var weight: String
        var bias: String?
        var inputNorm: NetworkGraph.BatchNormParameters?
        var outputNorm: NetworkGraph.BatchNormParameters?
        var relu: Bool
    }

    /// The first of the graph's nodes that it stands for.
    var name: String
    var operation: Operation
    var inputs: [String]
    /// The graph's name of its result: that of the last node it stands for.
    var result: String
}

extension NetworkGraph {
    /// The nodes as the executor runs them: a batch norm goes into the convolution or linear before it, one on a vector
    /// otherwise into the linear after it, and a ReLU into what comes before it.
    func fused(shapes: [String: ValueShape]) throws(InferenceError) -> [FusedNode] {
        var consumers: [String: [Int]] = [:]
        for (i, node) in nodes.enumerated() {
            for input in node.inputs { consumers[input, default: []].append(i) }
        }
        /// The only node that reads `name`, where nothing else needs the value.
        func successor(of name: String) -> Int? {
            guard name != output, let readers = consumers[name], readers.count == 1 else { return nil }
            return readers[0]
        }
        var absorbed: Set<Int> = []
        var result = ""
        func absorbNorm() -> BatchNormParameters? {
            guard let next = successor(of: result), case .batchNorm(let norm) = nodes[next].operation else {
                return nil
            }
            absorbed.insert(next)
            result = nodes[next].name
            return norm
        }
        func absorbReLU() -> Bool {
            guard let next = successor(of: result), case .relu = nodes[next].operation else { return false }
            absorbed.insert(next)
            result = nodes[next].name
            return true
        }
        /// Norms that the linear reading them computes: their result's name to their input's name and parameters.
        var inputNorms: [String: (input: String, norm: BatchNormParameters)] = [:]
        var fused: [FusedNode] = []
        for (i, node) in nodes.enumerated() where !absorbed.contains(i) {
            result = node.name
            var inputs = node.inputs
            let operation: FusedNode.Operation
            switch node.operation {
            case .convolution(let outputs, let window, let weight, let bias):
                let norm = absorbNorm()
                operation = .convolution(
                    .init(outputs: outputs, window: window, weight: weight, bias: bias, norm: norm, relu: absorbReLU()))
            case .linear(let outputs, let weight, let bias):
                let folded = inputNorms[inputs[0]]
                inputs = [folded?.input ?? inputs[0]]
                let norm = absorbNorm()
                operation = .linear(
                    .init(
                        outputs: outputs, weight: weight, bias: bias, inputNorm: folded?.norm, outputNorm: norm,
                        relu: absorbReLU()))
            case .batchNorm(let norm):
                if case .vector = shapes[node.name] {
                    guard let next = successor(of: node.name), case .linear = nodes[next].operation else {
                        throw node.invalid("a batch norm on a vector needs a linear before or after it")
                    }
                    inputNorms[node.name] = (inputs[0], norm)
                    continue
                }
                operation = .affine(norm: norm, relu: absorbReLU())
            case .relu:
                guard case .map = shapes[node.name] else {
                    throw node.invalid("a ReLU on a vector needs a linear, or a linear and a batch norm, before it")
                }
                operation = .affine(norm: nil, relu: true)
            case .maxPool(let window): operation = .maxPool(window)
            case .averagePool(let window, let counted): operation = .averagePool(window, countIncludePadding: counted)
            case .concat: operation = .concat
            case .globalMaxAveragePool: operation = .globalMaxAveragePool
            case .softmax: operation = .softmax
            }
            fused.append(FusedNode(name: node.name, operation: operation, inputs: inputs, result: result))
        }
        return fused
    }
}
