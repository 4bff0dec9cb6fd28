/// A small network in integer arithmetic, for `FrontalCheck`.
///
/// A channel's sum of weights (8 bits) times activations (at most 14 bits) is multiplied by the channel's multiplier,
/// shifted right by 24 bits (towards −∞) and added to its bias. Every layer's results but the last's are then cut to
/// 0 … `FrontalCheck.ceiling`. There is one result, whatever the order of the sums.
struct IntegerNetwork: Sendable {
    /// A layer's kind and size.
    enum Layer: Sendable {
        /// 3 × 3 taps at a stride of 2, with a border of zeros: the output has half the rows and columns.
        case convolution(inputs: Int, outputs: Int)
        /// Every input to every output.
        case linear(inputs: Int, outputs: Int)

        var outputs: Int {
            switch self {
            case .convolution(_, let outputs), .linear(_, let outputs): outputs
            }
        }

        var weightCount: Int {
            switch self {
            case .convolution(let inputs, let outputs): inputs * outputs * 9
            case .linear(let inputs, let outputs): inputs * outputs
            }
        }
    }

    private let layers: [Layer]
    private let multipliers: [Int32]
    private let biases: [Int32]
    /// Layer by layer: by output, input, row and column.
    private let weights: [Int32]

    /// A network of `layers` with weights in base64 (RFC 4648); tables of another size are a programming error.
    init(layers: [Layer], multipliers: [Int32], biases: [Int32], weights: StaticString) {
        self.layers = layers
        self.multipliers = multipliers
        self.biases = biases
        self.weights = Self.bytes(base64: weights).map { Int32(Int8(bitPattern: $0)) }
        let channels = layers.reduce(0) { $0 + $1.outputs }
        precondition(
            multipliers.count == channels && biases.count == channels
                && self.weights.count == layers.reduce(0) { $0 + $1.weightCount }, "the tables must fit the layers")
    }

    /// The last layer's results for a square of `inputs`, row-major.
    func outputs(for inputs: [Int32]) -> [Int32] {
        var activations = inputs
        var side = Int(Double(inputs.count).squareRoot())
        var channel = 0
        var weight = 0
        for (index, layer) in layers.enumerated() {
            let sums: [Int32] = weights.withUnsafeBufferPointer { weights in
                let weights = weights.baseAddress! + weight
                switch layer {
                case .convolution(let inputs, let outputs):
                    side /= 2
                    return Self.convolution(activations, side: side, inputs: inputs, outputs: outputs, weights)
                case .linear(let inputs, let outputs):
                    side = 1
                    return Self.linear(activations, inputs: inputs, outputs: outputs, weights)
                }
            }
            let isLast = index == layers.count - 1
            activations = sums.indices.map { i in
                let c = channel + i / (side * side)
                let value = Int32(truncatingIfNeeded: (Int64(sums[i]) * Int64(multipliers[c])) >> 24) &+ biases[c]
                return isLast ? value : min(max(value, 0), FrontalCheck.ceiling)
            }
            channel += layer.outputs
            weight += layer.weightCount
        }
        return activations
    }

    /// The sums of `outputs` × `side` × `side` from `inputs` planes of twice as many rows and columns.
    private static func convolution(
        _ planes: [Int32], side: Int, inputs: Int, outputs: Int, _ weights: UnsafePointer<Int32>
    ) -> [Int32] {
        // Taps side by side, so that the sums below run along rows of both.
        let taps = inputs * 9
        let source = side * 2
        var columns = [Int32](repeating: 0, count: taps * side * side)
        columns.withUnsafeMutableBufferPointer { columns in
            planes.withUnsafeBufferPointer { planes in
                for tap in 0..<taps {
                    let plane = planes.baseAddress! + tap / 9 * source * source
                    let (down, across) = (tap % 9 / 3 - 1, tap % 3 - 1)
                    // Row and column −1 are the border; the last ones are never passed, as the stride is 2.
                    for y in (down < 0 ? 1 : 0)..<side {
                        for x in (across < 0 ? 1 : 0)..<side {
                            columns[(tap &* side &+ y) &* side &+ x] =
                                plane[(2 &* y &+ down) &* source &+ 2 &* x &+ across]
                        }
                    }
                }
            }
        }
        let count = side * side
        return [Int32](unsafeUninitializedCapacity: outputs * count) { sums, initialized in
            sums.initialize(repeating: 0)
            columns.withUnsafeBufferPointer { columns in
                for output in 0..<outputs {
                    let sum = sums.baseAddress! + output * count
                    for tap in 0..<taps {
                        let weight = weights[output &* taps &+ tap]
                        let column = columns.baseAddress! + tap * count
                        for i in 0..<count { sum[i] &+= weight &* column[i] }
                    }
                }
            }
            initialized = outputs * count
        }
    }

    private static func linear(
        _ values: [Int32], inputs: Int, outputs: Int, _ weights: UnsafePointer<Int32>
    ) -> [Int32] {
        values.withUnsafeBufferPointer { values in
            (0..<outputs).map { output in
                var sum: Int32 = 0
                for i in 0..<inputs { sum &+= weights[output &* inputs &+ i] &* values[i] }
                return sum
            }
        }
    }

    /// The bytes of base64 text; line breaks and spaces are skipped.
    private static func bytes(base64 text: StaticString) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8CodeUnitCount * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        text.withUTF8Buffer { text in
            for character in text {
                let value: UInt8
                switch character {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
                case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
                case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
                case UInt8(ascii: "+"): value = 62
                case UInt8(ascii: "/"): value = 63
                default: continue
                }
                bits = bits << 6 | UInt32(value)
                count += 6
                if count >= 8 {
                    count -= 8
                    bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
        }
        return bytes
    }
}
