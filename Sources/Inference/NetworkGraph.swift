/// A convolutional classifier as data: nodes in an order in which each follows its inputs.
public struct NetworkGraph: Codable, Sendable, Equatable {
    /// One operation. Its name is also the name of its result.
    public struct Node: Codable, Sendable, Equatable {
        /// Unique in the graph, and not `NetworkGraph.inputName`.
        public var name: String
        /// What it computes from its inputs.
        public var operation: Operation
        /// Names of earlier nodes, or `NetworkGraph.inputName`.
        public var inputs: [String]

        /// A node named `name` that applies `operation` to the results named `inputs`.
        public init(_ name: String, _ operation: Operation, _ inputs: [String]) {
            self.name = name
            self.operation = operation
            self.inputs = inputs
        }
    }

    /// The name by which nodes refer to the network's input.
    public static let inputName = "input"

    /// The input's shape.
    public var input: FeatureShape
    /// Each after those whose results it takes.
    public var nodes: [Node]
    /// The node whose result the network returns.
    public var output: String

    /// A graph as given; `shapes()` checks it.
    public init(input: FeatureShape, nodes: [Node], output: String) {
        self.input = input
        self.nodes = nodes
        self.output = output
    }
}

/// Channels, rows and columns of a feature map.
public struct FeatureShape: Codable, Sendable, Equatable {
    /// Feature maps, or colour planes of an input.
    public var channels: Int
    /// Rows.
    public var height: Int
    /// Columns.
    public var width: Int

    /// A shape in the order of PyTorch: channels, rows, columns.
    public init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    var pixels: Int { height * width }
}

/// Rows and columns of a kernel, a stride or a padding.
public struct Extent: Codable, Sendable, Equatable {
    /// Rows.
    public var height: Int
    /// Columns.
    public var width: Int

    /// So many rows and columns.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// The same number of rows and columns.
    public init(_ both: Int) { self.init(both, both) }
}

extension NetworkGraph {
    /// A sliding window; the last one ends inside the padded picture (no ceiling mode).
    public struct Window: Codable, Sendable, Equatable {
        /// Rows and columns under the window at once.
        public var kernel: Extent
        /// Rows and columns from one window to the next.
        public var stride: Extent
        /// Rows and columns added at the top and at the left.
        public var padding: Extent
        /// Rows and columns added at the bottom and at the right; nil: as many as at the other ends.
        public var endPadding: Extent?
        /// Rows and columns from one tap of the kernel to the next; nil: 1.
        public var dilation: Extent?

        /// A window that moves by one and is not padded unless told otherwise.
        public init(
            kernel: Extent, stride: Extent = Extent(1), padding: Extent = Extent(0), endPadding: Extent? = nil,
            dilation: Extent? = nil
        ) {
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
            self.endPadding = endPadding
            self.dilation = dilation
        }

        /// Whether both ends are padded alike and the taps are neighbours.
        var isPlain: Bool { (endPadding ?? padding) == padding && (dilation ?? Extent(1)) == Extent(1) }
    }

    /// The tensors of a batch norm in evaluation mode: weight x (x - mean) / sqrt(variance + epsilon) + bias.
    public struct BatchNormParameters: Codable, Sendable, Equatable {
        /// Name of the factor after normalisation, gamma; (channels).
        public var weight: String
        /// Name of the term after normalisation, beta; (channels).
        public var bias: String
        /// Name of the running mean; (channels).
        public var mean: String
        /// Name of the running variance; (channels).
        public var variance: String
        /// Added to the variance before the root is taken; finite, not negative.
        public var epsilon: Double

        /// The tensors of a PyTorch batch norm whose names begin with `prefix`.
        public init(prefix: String, epsilon: Double) {
            weight = prefix + ".weight"
            bias = prefix + ".bias"
            mean = prefix + ".running_mean"
            variance = prefix + ".running_var"
            self.epsilon = epsilon
        }
    }

    /// What a node computes. Names of parameters are keys of the safetensors file, shapes as PyTorch stores them.
    public enum Operation: Codable, Sendable, Equatable {
        /// Weight: (outputs, inputs, kernel rows, kernel columns); bias: (outputs).
        case convolution(outputs: Int, window: Window, weight: String, bias: String?)
        case batchNorm(BatchNormParameters)
        case relu
        /// Padding never wins.
        case maxPool(Window)
        case averagePool(Window, countIncludePadding: Bool)
        /// Along channels, in the order of the inputs.
        case concat
        /// A feature map to a vector: every channel's maximum, then every channel's mean.
        case globalMaxAveragePool
        /// A vector to a vector. Weight: (outputs, inputs); bias: (outputs).
        case linear(outputs: Int, weight: String, bias: String?)
        /// Over a vector.
        case softmax
        /// As `convolution`, each output channel over one of `groups` equal parts of the inputs. Weight: (outputs,
        /// inputs / groups, kernel rows, kernel columns).
        case groupedConvolution(outputs: Int, groups: Int, window: Window, weight: String, bias: String?)
        case activation(Activation)
        /// x > 0 ? x : slope x; slope: (channels).
        case prelu(slope: String)
        /// Two inputs of one shape, element by element.
        case add
        /// Likewise.
        case multiply
        case responseNorm(ResponseNorm)
        case border(Border)
        /// Output channel j x groups + i is input channel i x (channels / groups) + j (Zhang et al. 2018, ShuffleNet).
        case shuffle(groups: Int)
        /// A feature map to a vector, by channel, row and column.
        case flatten
        /// A vector to a feature map of as many elements, likewise.
        case unflatten(FeatureShape)
        /// A vector to a vector: the elements at offset + sum of index x stride, by index within the extents. Transposes,
        /// slices and repeats.
        case strided(extents: [Int], strides: [Int], offset: Int)
        /// A vector of (…, length, inner): softmax, or its logarithm, along `length`.
        case softmaxAlong(length: Int, inner: Int, logarithm: Bool)
    }

    /// A function of single elements.
    public enum Activation: Codable, Sendable, Equatable {
        case clip(lower: Float, upper: Float)
        /// x > 0 ? x : slope x
        case leakyRelu(slope: Float)
        /// slope x + offset, clipped to 0 ... 1
        case hardSigmoid(slope: Float, offset: Float)
        case sigmoid
        case tanh
        /// x > 0 ? x : alpha (exp(x) - 1)
        case elu(alpha: Float)
        /// log(1 + exp(x))
        case softplus
    }

    /// Local response normalisation across channels (Krizhevsky et al. 2012): x / (bias + alpha / size x sum of
    /// squares)^beta, the sum over `size` channels around it.
    public struct ResponseNorm: Codable, Sendable, Equatable {
        /// Channels under the sum: (size - 1) / 2 before, rounded down, the rest after.
        public var size: Int
        /// Of the mean of squares.
        public var alpha: Double
        /// The exponent.
        public var beta: Double
        /// Positive.
        public var bias: Double
    }

    /// Pixels added around a picture.
    public struct Border: Codable, Sendable, Equatable {
        /// Where a pixel of the border has its value from.
        public enum Fill: Codable, Sendable, Equatable {
            case constant(Float)
            /// The picture mirrored at its outermost pixels, which are not repeated.
            case reflect
            /// The outermost pixels.
            case edge
        }

        /// Rows at the top, columns at the left.
        public var start: Extent
        /// Rows at the bottom, columns at the right.
        public var end: Extent
        /// What the pixels are.
        public var fill: Fill
    }
}
