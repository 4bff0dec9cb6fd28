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
        /// Of a vector; of a feature map it is `affine`.
        case scaleShift(NetworkGraph.BatchNormParameters)
        case activation(NetworkGraph.Activation)
        case prelu(slope: String)
        case sum(relu: Bool)
        case product(relu: Bool)
        case responseNorm(NetworkGraph.ResponseNorm)
        case border(NetworkGraph.Border)
        case shuffle(groups: Int)
        case flatten
        case unflatten
        case strided(extents: [Int], strides: [Int], offset: Int)
        case softmaxAlong(length: Int, inner: Int, logarithm: Bool)
    }

    struct Convolution {
        var outputs: Int
        var groups = 1
        var window: NetworkGraph.Window
        var weight: String
        var bias: String?
        var norm: NetworkGraph.BatchNormParameters?
        var relu: Bool

        /// Whether the tiles compute it.
        var isPlain: Bool { groups == 1 && window.isPlain }
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

    var isConcatenation: Bool { if case .concat = operation { true } else { false } }
}

extension NetworkGraph {
    /// The nodes as the executor runs them: a batch norm goes into the convolution or linear before it, one on a vector
    /// otherwise into the linear after it, and a ReLU into what comes before it where that can take it.
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
            case .groupedConvolution(let outputs, let groups, let window, let weight, let bias):
                let norm = absorbNorm()
                operation = .convolution(
                    .init(
                        outputs: outputs, groups: groups, window: window, weight: weight, bias: bias, norm: norm,
                        relu: absorbReLU()))
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
                    if let next = successor(of: node.name), case .linear = nodes[next].operation {
                        inputNorms[node.name] = (inputs[0], norm)
                        continue
                    }
                    operation = .scaleShift(norm)
                    break
                }
                operation = .affine(norm: norm, relu: absorbReLU())
            case .relu:
                if case .vector = shapes[node.name] {
                    operation = .activation(.clip(lower: 0, upper: .greatestFiniteMagnitude))
                } else {
                    operation = .affine(norm: nil, relu: true)
                }
            case .maxPool(let window): operation = .maxPool(window)
            case .averagePool(let window, let counted): operation = .averagePool(window, countIncludePadding: counted)
            case .concat: operation = .concat
            case .globalMaxAveragePool: operation = .globalMaxAveragePool
            case .softmax: operation = .softmax
            case .activation(let function): operation = .activation(function)
            case .prelu(let slope): operation = .prelu(slope: slope)
            case .add: operation = .sum(relu: absorbReLU())
            case .multiply: operation = .product(relu: absorbReLU())
            case .responseNorm(let norm): operation = .responseNorm(norm)
            case .border(let border): operation = .border(border)
            case .shuffle(let groups): operation = .shuffle(groups: groups)
            case .flatten: operation = .flatten
            case .unflatten: operation = .unflatten
            case .strided(let extents, let strides, let offset):
                operation = .strided(extents: extents, strides: strides, offset: offset)
            case .softmaxAlong(let length, let inner, let logarithm):
                operation = .softmaxAlong(length: length, inner: inner, logarithm: logarithm)
            }
            fused.append(FusedNode(name: node.name, operation: operation, inputs: inputs, result: result))
        }
        return fused
    }
}
