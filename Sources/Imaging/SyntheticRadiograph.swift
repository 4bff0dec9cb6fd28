/// A made-up frontal chest radiograph, for load tests and benchmarks: the shape of one, and nobody's.
///
/// Everything about it follows from a seed and an index, to the bit on every machine: no clock, no system randomness,
/// and no function of the C library takes part.
public struct SyntheticRadiograph: Sendable {
    /// Rows and columns; 2 to 10 megapixels together.
    public let rows, columns: Int
    /// Bits stored, 10 to 16.
    public let bitsStored: Int
    /// Whether the lowest value is white (MONOCHROME1).
    public let lowIsWhite: Bool
    /// CR or DX.
    public let modality: String
    /// PA or AP.
    public let viewPosition: String
    /// Distance between pixel centres on the detector, in millimetres.
    public let pixelSpacing: Double
    /// The width of the shutter's constant border on each side, in pixels; often 0.
    let border: Int
    let seed: UInt64
    let index: Int
    let anatomy: Anatomy

    /// What differs from one chest to the next; lengths as shares of the picture's width and height.
    struct Anatomy: Sendable {
        var center, bodyWidth, lungWidth, lungHeight, heartWidth, heartHeight, heartShift: Double
        var diaphragm, ribSpacing, ribContrast, density: Double
    }

    /// The radiograph number `index` of the series that `seed` begins.
    public init(seed: UInt64, index: Int) {
        self.seed = seed
        self.index = index
        var random = Self.generator(seed: seed, index: index, stream: 0)
        func within(_ range: ClosedRange<Double>) -> Double {
            range.lowerBound + (range.upperBound - range.lowerBound) * random.unit()
        }
        modality = random.unit() < 0.5 ? "CR" : "DX"
        viewPosition = random.unit() < 0.7 ? "PA" : "AP"
        lowIsWhite = random.unit() < 0.5
        bitsStored = 10 + Int(random.next() % 7)
        // Cassettes and detectors of 35 × 43, 43 × 43 and 43 × 35 cm.
        let formats: [(width: Double, height: Double)] = [(350, 430), (430, 430), (430, 350)]
        let format = formats[Int(random.next() % 3)]
        let pixels = within(2.1e6...9.9e6)
        columns = Int((pixels * format.width / format.height).squareRoot())
        rows = Int(Double(columns) * format.height / format.width)
        pixelSpacing = (format.width / Double(columns) * 10_000).rounded() / 10_000
        border = random.unit() < 0.25 ? Int(within(0.01...0.05) * Double(columns)) : 0
        anatomy = Anatomy(
            center: within(0.48...0.52), bodyWidth: within(0.40...0.47), lungWidth: within(0.155...0.185),
            lungHeight: within(0.38...0.44), heartWidth: within(0.10...0.16), heartHeight: within(0.12...0.16),
            heartShift: within(0.03...0.06), diaphragm: within(0.72...0.80), ribSpacing: within(0.062...0.072),
            ribContrast: within(0.08...0.13), density: within(0.85...1.1))
    }

    /// Independent random numbers for one purpose (`stream`) of one radiograph.
    static func generator(seed: UInt64, index: Int, stream: UInt64) -> SplitMix64 {
        var generator = SplitMix64(state: seed)
        generator.state = generator.next() ^ UInt64(truncatingIfNeeded: index)
        generator.state = generator.next() ^ stream
        return generator
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in 0 ..< 1, of 53 random bits.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
