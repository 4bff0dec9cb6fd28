extension SyntheticRadiograph {
    /// The stored values, row-major, `rows` × `columns`, in `bitsStored` bits.
    ///
    /// The anatomy is computed on a coarse grid and interpolated; quantum noise is added to each pixel.
    func storedValues() -> [UInt16] {
        let grid = CoarsePicture(anatomy: anatomy, random: Self.generator(seed: seed, index: index, stream: 1))
        let highest = Int32(1 << bitsStored) - 1
        // Values in 1/256 of a stored value, so that interpolation and noise are integer arithmetic. The picture takes
        // the middle of the range, as an exposure that is neither too short nor too long does.
        let unit = Float(highest) * 256
        // A detector's noise is about half a per cent of its range; the sum of four bytes has a deviation of 147.8.
        let noiseGain = Int32((Double(highest) * 256 * 0.005 / 147.8 * 256).rounded())
        var random = Self.generator(seed: seed, index: index, stream: 2)
        let across = (0..<columns).map { grid.position($0, of: columns, extent: CoarsePicture.width) }
        return [UInt16](unsafeUninitializedCapacity: rows * columns) { values, count in
            var line = [Float](repeating: 0, count: CoarsePicture.width)
            for y in 0..<rows {
                let down = grid.position(y, of: rows, extent: CoarsePicture.height)
                for x in 0..<line.count {
                    let upper = grid.values[down.first * CoarsePicture.width + x]
                    let lower = grid.values[(down.first + 1) * CoarsePicture.width + x]
                    line[x] = (upper + (lower - upper) * down.fraction) * unit
                }
                let output = values.baseAddress! + y * columns
                let isShutter = y < border || y >= rows - border
                line.withUnsafeBufferPointer { line in
                    across.withUnsafeBufferPointer { across in
                        var noise: UInt64 = 0
                        for x in 0..<columns {
                            noise = x & 1 == 0 ? random.next() : noise >> 32
                            let (first, fraction) = across[x]
                            let bytes =
                                Int32(noise & 255) + Int32(noise >> 8 & 255) + Int32(noise >> 16 & 255)
                                + Int32(noise >> 24 & 255) - 510
                            let level = line[first] + (line[first + 1] - line[first]) * fraction
                            let noisy = Int(level) + Int(bytes) * Int(noiseGain) / 256
                            let stored = min(max(noisy >> 8, 0), Int(highest))
                            output[x] = UInt16(truncatingIfNeeded: lowIsWhite ? Int(highest) - stored : stored)
                        }
                    }
                }
                if border > 0 {
                    // A shutter's border is black: the highest value where low is white.
                    let black: UInt16 = lowIsWhite ? UInt16(highest) : 0
                    for x in 0..<columns where isShutter || x < border || x >= columns - border { output[x] = black }
                }
            }
            count = rows * columns
        }
    }
}

/// A chest in shares of full brightness (bone white), on a coarse grid. Built from polynomials alone: see `smooth` and
/// `bump`.
private struct CoarsePicture {
    static let width = 384
    static let height = 384

    /// Row-major, `width` × `height`.
    private(set) var values: [Float]

    init(anatomy: SyntheticRadiograph.Anatomy, random: SplitMix64) {
        var random = random
        let vessels = Self.vessels(&random, anatomy)
        let mottle = (0..<25 * 25).map { _ in random.unit() - 0.5 }
        values = []
        values.reserveCapacity(Self.width * Self.height)
        for row in 0..<Self.height {
            let v = Double(row) / Double(Self.height - 1)
            for column in 0..<Self.width {
                let u = Double(column) / Double(Self.width - 1)
                values.append(Float(Self.brightness(u, v, anatomy, vessels, mottle)))
            }
        }
    }

    /// The grid points on either side of pixel `i` of `count`, as the first one and the way to the second.
    func position(_ i: Int, of count: Int, extent: Int) -> (first: Int, fraction: Float) {
        let place = Float(i) * Float(extent - 1) / Float(count - 1)
        let first = min(Int(place), extent - 2)
        return (first, place - Float(first))
    }

    private static func brightness(
        _ u: Double, _ v: Double, _ anatomy: SyntheticRadiograph.Anatomy, _ vessels: [Vessel], _ mottle: [Double]
    ) -> Double {
        let x = u - anatomy.center
        let side = abs(x)
        // Neck, then shoulders, then the chest wall.
        let halfWidth = 0.12 + (anatomy.bodyWidth - 0.08) * smooth((v - 0.01) / 0.17) - 0.03 * smooth((v - 0.2) / 0.3)
        let body = smooth((halfWidth - side) / 0.05 + 0.5)
        // The patient's left is on the viewer's right; the liver lifts the dome of the other side.
        let dome = anatomy.diaphragm + 0.025 * smooth((x + 0.05) / 0.1) + squared((side - 0.17) / 0.17) * 0.07
        let aboveDiaphragm = smooth((dome - v) / 0.03 + 0.5)
        let lungX = (side - 0.19) / (anatomy.lungWidth * (0.55 + 0.45 * smooth((v - 0.1) / 0.4)))
        let lungY = (v - 0.56) / anatomy.lungHeight
        let inLung = smooth((1 - squared(lungX) - squared(lungY)) / 0.35) * aboveDiaphragm
        let heartX = (x - anatomy.heartShift) / anatomy.heartWidth + (v - 0.6) * 0.9 * -1
        let heartY = (v - (anatomy.diaphragm - 0.13)) / anatomy.heartHeight
        let heart = smooth((1 - squared(heartX) - squared(heartY)) / 0.5)
        let mediastinum = bump(side / 0.085) * smooth((v - 0.05) / 0.1)
        let air = inLung * (1 - 0.85 * heart) * (1 - 0.7 * mediastinum)

        var level = 0.66 * body
        level -= 0.44 * air
        level += 0.06 * heart * body + 0.09 * mediastinum * body
        level += 0.07 * (1 - aboveDiaphragm) * body
        level -= 0.13 * bump(x / 0.022) * smooth((0.36 - v) / 0.08) * body  // trachea
        level += 0.04 * bump(side / 0.035) * (0.6 + 0.4 * bump(wave(v, 0.055) / 0.5)) * body  // spine
        level += anatomy.ribContrast * ribs(side, v, anatomy) * body * (0.35 + 0.65 * inLung)
        let clavicle = v - (0.17 - (side - 0.04) * 0.16)
        level += 0.10 * bump(clavicle / 0.02) * smooth((side - 0.03) / 0.03) * smooth((0.34 - side) / 0.04) * body
        for vessel in vessels { level += vessel.contrast * vessel.density(u, v) * inLung }
        level += 0.05 * interpolated(mottle, u, v) * body
        return min(max(0.04 + level * anatomy.density, 0.01), 0.97)
    }

    /// Posterior ribs fall from the spine outwards, anterior ones, fainter, from outside inwards.
    private static func ribs(_ side: Double, _ v: Double, _ anatomy: SyntheticRadiograph.Anatomy) -> Double {
        let r = side / 0.34
        guard r > 0.1, r < 1.05 else { return 0 }
        let cage = smooth((v - 0.1) / 0.05) * smooth((0.84 - v) / 0.06) * smooth((1.05 - r) / 0.1)
        let posterior = wave(v + 0.05 * bump((r - 0.45) / 0.8) - 0.16 * squared(max(r - 0.45, 0)), anatomy.ribSpacing)
        let anterior = wave(v + 0.14 * (r - 0.5), anatomy.ribSpacing * 1.15)
        return cage * (bump(posterior / 0.42) + 0.45 * bump(anterior / 0.38) * smooth((r - 0.35) / 0.2))
    }

    private struct Vessel {
        let startX, startY, stepX, stepY, width, contrast: Double

        /// 1 on the vessel's line, thinning out from the hilum.
        func density(_ u: Double, _ v: Double) -> Double {
            let (x, y) = (u - startX, v - startY)
            let along = (x * stepX + y * stepY) / (stepX * stepX + stepY * stepY)
            guard along > 0, along < 1 else { return 0 }
            let away = squared(x - along * stepX) + squared(y - along * stepY)
            let radius = width * (1 - 0.7 * along)
            return away < radius * radius ? squared(1 - away / (radius * radius)) * (1 - along * 0.7) : 0
        }
    }

    private static func vessels(_ random: inout SplitMix64, _ anatomy: SyntheticRadiograph.Anatomy) -> [Vessel] {
        (0..<26).map { i in
            let outwards = i % 2 == 0 ? 1.0 : -1.0
            return Vessel(
                startX: anatomy.center + outwards * (0.06 + 0.03 * random.unit()), startY: 0.40 + 0.14 * random.unit(),
                stepX: outwards * (0.05 + 0.13 * random.unit()), stepY: -0.22 + 0.5 * random.unit(),
                width: 0.009 + 0.009 * random.unit(), contrast: 0.05 + 0.08 * random.unit())
        }
    }

    /// From 0 to 1 as `t` goes from 0 to 1.
    private static func smooth(_ t: Double) -> Double {
        let t = min(max(t, 0), 1)
        return t * t * (3 - 2 * t)
    }

    /// 1 at 0, falling smoothly to 0 at ±1.
    private static func bump(_ t: Double) -> Double {
        let rest = 1 - t * t
        return rest > 0 ? rest * rest : 0
    }

    private static func squared(_ t: Double) -> Double { t * t }

    /// −1 … 1 once a `period`, linearly, 0 in its middle.
    private static func wave(_ t: Double, _ period: Double) -> Double {
        let turns = t / period
        return (turns - turns.rounded(.down)) * 2 - 1
    }

    /// Smooth interpolation of a 25 × 25 grid.
    private static func interpolated(_ grid: [Double], _ u: Double, _ v: Double) -> Double {
        let (x, y) = (min(u * 24, 23.999), min(v * 24, 23.999))
        let (column, row) = (Int(x), Int(y))
        let (right, down) = (smooth(x - Double(column)), smooth(y - Double(row)))
        let at = row * 25 + column
        let upper = grid[at] + (grid[at + 1] - grid[at]) * right
        let lower = grid[at + 25] + (grid[at + 26] - grid[at + 25]) * right
        return upper + (lower - upper) * down
    }
}
