internal import Foundation

/// How often the values of a feature map have which size, over all calibration pictures.
struct ActivationHistogram {
    /// From which share of the largest value on bytes clip.
    enum Clipping: Equatable {
        /// Where the mean squared error is least.
        case leastError
        /// At this share of all values, 0.5 … 1: 1 clips nothing that was seen.
        case percentile(Double)
    }

    private static let bins = 4096

    /// Bins span 0 ..< limit, a power of two.
    private var limit: Float = 0x1p-20
    private var positive = [Int](repeating: 0, count: bins)
    /// By magnitude.
    private var negative = [Int](repeating: 0, count: bins)
    private var zeros = 0
    private(set) var lowest: Float = 0
    private(set) var highest: Float = 0

    mutating func add(_ values: UnsafeBufferPointer<Float>) {
        var (low, high) = (lowest, highest)
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        (lowest, highest) = (low, high)
        while max(-low, high) >= limit { widen() }
        let scale = Float(Self.bins) / limit
        for value in values {
            // Below limit, so below the number of bins: both are powers of two.
            if value > 0 {
                positive[Int(value * scale)] += 1
            } else if value < 0 {
                negative[Int(-value * scale)] += 1
            } else {
                zeros += 1
            }
        }
    }

    private mutating func widen() {
        limit *= 2
        for i in 0..<Self.bins / 2 {
            positive[i] = positive[2 * i] + positive[2 * i + 1]
            negative[i] = negative[2 * i] + negative[2 * i + 1]
        }
        for i in Self.bins / 2..<Self.bins { (positive[i], negative[i]) = (0, 0) }
    }

    /// The scale and zero point that values are best stored with.
    func activation(_ clipping: Clipping) -> QuantisedParameters.Activation {
        let (low, high) = (Double(-lowest), Double(highest))
        guard max(low, high) > 0 else { return .init(scale: 1, zeroPoint: 0) }
        switch clipping {
        case .percentile(let share):
            let bound = magnitude(atShare: share)
            return activation(low: min(low, bound), high: min(high, bound))
        case .leastError:
            var best = (error: Double.infinity, activation: activation(low: low, high: high))
            for step in stride(from: 1.0, through: 0.1, by: -0.01) {
                let candidate = activation(low: low * step, high: high * step)
                let error = squaredError(candidate)
                if error < best.error { best = (error, candidate) }
            }
            return best.activation
        }
    }

    private func activation(low: Double, high: Double) -> QuantisedParameters.Activation {
        let scale = Float((low + high) / 255)
        let zero = (low / Double(scale)).rounded()
        return .init(scale: max(scale, 1 / SafetensorsFile.scaleLimit), zeroPoint: UInt8(min(max(zero, 0), 255)))
    }

    private func magnitude(atShare share: Double) -> Double {
        let total = zeros + positive.reduce(0, +) + negative.reduce(0, +)
        var left = Int((Double(total) * (1 - share)).rounded(.down))
        for bin in (0..<Self.bins).reversed() {
            left -= positive[bin] + negative[bin]
            if left < 0 { return Double(limit) * Double(bin + 1) / Double(Self.bins) }
        }
        return 0
    }

    private func squaredError(_ activation: QuantisedParameters.Activation) -> Double {
        let (scale, zero) = (Double(activation.scale), Double(activation.zeroPoint))
        let width = Double(limit) / Double(Self.bins)
        func error(_ counts: [Int], sign: Double) -> Double {
            var sum = 0.0
            for (bin, count) in counts.enumerated() where count > 0 {
                let value = sign * (Double(bin) + 0.5) * width
                let byte = min(max((value / scale + zero).rounded(.toNearestOrEven), 0), 255)
                let difference = value - (byte - zero) * scale
                sum += Double(count) * difference * difference
            }
            return sum
        }
        return error(positive, sign: 1) + error(negative, sign: -1)
    }
}
