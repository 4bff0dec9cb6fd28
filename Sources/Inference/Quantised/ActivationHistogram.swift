internal import CKernels

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
    private var positive = [UInt64](repeating: 0, count: bins)
    /// By magnitude.
    private var negative = [UInt64](repeating: 0, count: bins)
    private var zeros: UInt64 = 0
    private(set) var lowest: Float = 0
    private(set) var highest: Float = 0

    mutating func add(_ values: UnsafeBufferPointer<Float>) {
        lv_extremes(values.baseAddress, values.count, &lowest, &highest)
        while max(-lowest, highest) >= limit { widen() }
        // Magnitudes are below limit, so below the number of bins: both are powers of two.
        lv_count_magnitudes(
            values.baseAddress, values.count, Float(Self.bins) / limit, &positive, &negative, &zeros)
    }

    private mutating func widen() {
        limit *= 2
        for i in 0..<Self.bins / 2 {
            positive[i] = positive[2 * i] + positive[2 * i + 1]
            negative[i] = negative[2 * i] + negative[2 * i + 1]
        }
        for i in Self.bins / 2..<Self.bins { (positive[i], negative[i]) = (0, 0) }
    }

    /// The bounds of what bytes should reach: the lower as a magnitude.
    func bounds(_ clipping: Clipping) -> (low: Double, high: Double) {
        let (low, high) = (Double(-lowest), Double(highest))
        guard max(low, high) > 0 else { return (0, 1) }
        switch clipping {
        case .percentile(let share):
            let bound = magnitude(atShare: share)
            return (min(low, bound), min(high, bound))
        case .leastError:
            var best = (error: Double.infinity, share: 1.0)
            for share in stride(from: 1.0, through: 0.1, by: -0.01) {
                let error = squaredError(low: low * share, high: high * share)
                if error < best.error { best = (error, share) }
            }
            return (low * best.share, high * best.share)
        }
    }

    private func magnitude(atShare share: Double) -> Double {
        let total = zeros + positive.reduce(0, +) + negative.reduce(0, +)
        var left = Int((Double(total) * (1 - share)).rounded(.down))
        for bin in (0..<Self.bins).reversed() {
            left -= Int(positive[bin] + negative[bin])
            if left < 0 { return Double(limit) * Double(bin + 1) / Double(Self.bins) }
        }
        return 0
    }

    private func squaredError(low: Double, high: Double) -> Double {
        let scale = (low + high) / 255, zero = (low / scale).rounded()
        let width = Double(limit) / Double(Self.bins)
        func error(_ counts: [UInt64], sign: Double) -> Double {
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
