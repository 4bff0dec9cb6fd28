/// An input that anybody can generate, and the logits that the reference implementation computed for it.
///
/// The generator `value-noise-1` uses IEEE double precision only, so that any language gives equal bits:
/// - SplitMix64 (Steele, Lea, Flood 2014) from `seed`; a draw u is (next() >> 11) x 2^-53.
/// - For each octave in order, a lattice of (⌊(height - 1) / cell⌋ + 2) rows by (⌊(width - 1) / cell⌋ + 2) columns is
///   drawn in row order.
/// - A pixel (y, x), with y = Y cell + dy and x = X cell + dx, fy = dy / cell, fx = dx / cell, adds to its grey
///   amplitude x ((a (1 - fx) + b fx) (1 - fy) + (c (1 - fx) + d fx) fy), with a, b = lattice[Y][X], [Y][X+1]; c, d =
///   lattice[Y+1][X], [Y+1][X+1].
/// - Channel k of the input is grey x scale[k] + offset[k], rounded to float32.
public struct GoldenVector: Codable, Sendable, Equatable {
    /// One layer of noise.
    public struct Octave: Codable, Sendable, Equatable {
        /// Pixels between lattice points.
        public let cell: Int
        /// Factor of the lattice draws, which lie in 0 ..< 1; octaves add up.
        public let amplitude: Double
    }

    /// How the input is made; `value-noise-1` is the only generator so far.
    public let generator: String
    /// Initial state of SplitMix64.
    public let seed: UInt64
    /// Layers in the order in which they are drawn and added, 1 to 16.
    public let octaves: [Octave]
    /// Factor from grey to input, by channel.
    public let scale: [Double]
    /// Added after scaling, by channel.
    public let offset: [Double]
    /// The reference's result for the one input, by class.
    public let logits: [Double]
    /// Largest absolute difference of a logit.
    public let tolerance: Double

    /// The input, (channels, height, width).
    public func input(_ shape: FeatureShape) -> [Float] {
        var grey = [Double](repeating: 0, count: shape.pixels)
        var random = SplitMix64(state: seed)
        for octave in octaves {
            let columns = (shape.width - 1) / octave.cell + 2
            let rows = (shape.height - 1) / octave.cell + 2
            var lattice: [Double] = []
            lattice.reserveCapacity(rows * columns)
            for _ in 0..<rows * columns { lattice.append(random.nextUnit()) }
            for y in 0..<shape.height {
                let fy = Double(y % octave.cell) / Double(octave.cell)
                let row = y / octave.cell * columns
                for x in 0..<shape.width {
                    let fx = Double(x % octave.cell) / Double(octave.cell)
                    let i = row + x / octave.cell
                    let above = lattice[i] * (1 - fx) + lattice[i + 1] * fx
                    let below = lattice[i + columns] * (1 - fx) + lattice[i + columns + 1] * fx
                    grey[y * shape.width + x] += octave.amplitude * (above * (1 - fy) + below * fy)
                }
            }
        }
        return (0..<shape.channels).flatMap { channel in
            grey.map { Float($0 * scale[channel] + offset[channel]) }
        }
    }

    func validate(for shape: FeatureShape) throws(InferenceError) {
        guard generator == "value-noise-1" else {
            throw InferenceError(
                .invalidDescription,
                "model.json: the golden generator “\(generator)” is unknown to this version of Longview")
        }
        let numbers = octaves.map(\.amplitude) + scale + offset + logits + [tolerance]
        guard scale.count == shape.channels, offset.count == shape.channels, !octaves.isEmpty, octaves.count <= 16,
            octaves.allSatisfy({ 1...65_536 ~= $0.cell }), numbers.allSatisfy({ $0.isFinite && abs($0) <= 1e6 }),
            tolerance >= 0, tolerance <= 0.01
        else {
            throw InferenceError(
                .invalidDescription,
                "model.json: a golden vector must have 1 to 16 octaves, a scale and offset per channel, finite numbers, "
                    + "and a tolerance of at most 0.01")
        }
    }
}
