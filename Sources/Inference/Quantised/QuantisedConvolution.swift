internal import CKernels

/// A convolution's weights in bytes.
struct QuantisedConvolution {
    /// (outputs, inputs, taps), -127 … 127.
    private(set) var weights: [Int8] = []
    /// By output.
    private(set) var scales: [Float] = []
    private(set) var bias: [Float] = []

    /// - Parameter inputScales: of each channel of the input.
    init(_ convolution: FusedNode.Convolution, _ node: String, _ file: SafetensorsFile, inputScales: [Float]) throws {
        let norm = try convolution.norm.map { try FoldedNorm($0, weights: file) }
        let outputs = convolution.outputs
        let taps = convolution.window.kernel.height * convolution.window.kernel.width
        let count = inputScales.count * taps
        var offsets = [Double](repeating: 0, count: outputs)
        if let name = convolution.bias { offsets = try file.withFloats(of: name) { $0.map(Double.init) } }
        weights.reserveCapacity(outputs * count)
        let inputScales = inputScales.map(Double.init)
        try file.withFloats(of: convolution.weight) { values in
            var folded = [Double](repeating: 0, count: count)
            for o in 0..<outputs {
                var largest = 0.0
                for i in 0..<count {
                    folded[i] = Double(values[o * count + i]) * (norm?.scale[o] ?? 1) * inputScales[i / taps]
                    largest = max(largest, abs(folded[i]))
                }
                guard largest.isFinite, largest < Double(SafetensorsFile.scaleLimit) else {
                    throw InferenceError.nonFiniteWeights(of: node, in: file.name)
                }
                let scale = max(Float(largest / 127), 1 / SafetensorsFile.scaleLimit)
                for value in folded {
                    weights.append(Int8(min(max((value / Double(scale)).rounded(.toNearestOrEven), -127), 127)))
                }
                scales.append(scale)
                bias.append(Float(offsets[o] * (norm?.scale[o] ?? 1) + (norm?.shift[o] ?? 0)))
            }
        }
    }

    /// The float32 tensors `weight` and `bias` that the bytes stand for.
    func dequantised(inputScales: [Float], window: NetworkGraph.Window) throws -> SafetensorsFile {
        let taps = window.kernel.height * window.kernel.width
        let count = inputScales.count * taps
        let shape = [scales.count, inputScales.count, window.kernel.height, window.kernel.width]
        let tensors = [
            QuantisedParameters.Tensor(name: "weight", dtype: "F32", shape: shape),
            QuantisedParameters.Tensor(name: "bias", dtype: "F32", shape: [scales.count]),
        ]
        return try SafetensorsFile.made(name: "dequantised", tensors) { tensor, bytes in
            let values = bytes.bindMemory(to: Float.self)
            if tensor.name == "bias" {
                _ = values.update(fromContentsOf: bias)
            } else {
                for i in weights.indices {
                    values[i] = Float(weights[i]) * scales[i / count] / inputScales[i % count / taps]
                }
            }
        }
    }

    /// Changes biases so that each channel of `results`, (image, channel, pixel), has the mean it has in `exact`; and
    /// `results` with them.
    mutating func correct(_ results: inout [Float], towards exact: [Float], channels: Int, batch: Int) {
        let pixels = exact.count / (batch * channels)
        results.withUnsafeMutableBufferPointer { results in
            exact.withUnsafeBufferPointer { exact in
                for channel in 0..<channels {
                    let starts = (0..<batch).map { ($0 * channels + channel) * pixels }
                    let difference = starts.reduce(0.0) { sum, start in
                        sum + lv_difference(exact.baseAddress! + start, results.baseAddress! + start, pixels)
                    }
                    let change = Float(difference / Double(batch * pixels))
                    bias[channel] += change
                    for start in starts { lv_shift(results.baseAddress! + start, pixels, change) }
                }
            }
        }
    }
}
