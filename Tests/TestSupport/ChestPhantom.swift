/// A chest drawn with a few ellipses, small and quick: what passes for a frontal chest radiograph where a test needs one
/// and not its details.
public enum ChestPhantom {
    /// `width` × `height` values of 0 … `highest`, row-major, bone white; each `number` has its own noise.
    ///
    /// Multiplications, divisions and square roots of float64 alone take part, so the values are the same everywhere.
    public static func pixels(width: Int, height: Int, highest: Int, number: Int = 0) -> [UInt16] {
        var random = SeededGenerator(state: UInt64(truncatingIfNeeded: number))
        return (0..<width * height).map { i in
            let x = (Double(i % width) + 0.5) / Double(width) * 2 - 1
            let y = (Double(i / width) + 0.5) / Double(height) * 2 - 1
            // The half chord of an ellipsoid: what a ray through it meets.
            func chord(_ cx: Double, _ cy: Double, _ a: Double, _ b: Double) -> Double {
                let (u, v) = ((x - cx) / a, (y - cy) / b)
                return max(1 - u * u - v * v, 0).squareRoot()
            }
            var level = 0.75 * chord(0, 0.6, 0.95, 1.6) + 0.3 * chord(0, -1.1, 0.25, 0.5)
            level -= 0.6 * (chord(-0.42, -0.05, 0.3, 0.68) + chord(0.42, -0.05, 0.3, 0.68))
            level += 0.3 * chord(0.12, 0.25, 0.26, 0.3) + 0.15 * chord(0, 0, 0.08, 2)
            level += 0.35 * (chord(-0.4, 0.8, 0.5, 0.4) + chord(0.4, 0.85, 0.5, 0.4))
            let noise = Double(random.next() % 64) / 64 * 0.04
            return UInt16(min(max(level, 0) * 0.75 + noise, 1) * Double(highest))
        }
    }
}
