/// Tells from its pixels whether a picture is an upright frontal chest radiograph: a second opinion on its header.
///
/// The picture is reduced to 32 × 32 cell averages, which are replaced by their ranks, so that neither window, exposure
/// nor gamma matters. A small network (three convolutions of 3 × 3 with stride 2 and 16, 32 and 40 channels, a hidden
/// layer of 32, five logits) judges the ranks. Everything is integer arithmetic: the same picture has the same verdict on
/// every machine. Trained by models/tools/train_frontal_check.py; error rates are in docs/gate.md.
public struct FrontalCheck: Sendable {
    /// Rows and columns of cells.
    static let side = 32
    /// The most rows, and columns, that are sampled in a cell: the time is bounded, however large the picture.
    static let samplesPerCell = 16
    /// Fractional bits of activations, logits and margins.
    static let fractionBits = 11
    /// The highest activation; with 8-bit weights and 640 inputs, sums stay within 31 bits.
    static let ceiling: Int32 = 1 << 14 - 1
    /// From this margin up, a picture is frontal. The thresholds' choice is described in docs/gate.md.
    static let frontalMargin = 3 << fractionBits
    /// Below this margin, a picture is surely not frontal.
    static let notFrontalMargin = -2 << fractionBits

    private static let network = IntegerNetwork(
        layers: [
            .convolution(inputs: 1, outputs: 16), .convolution(inputs: 16, outputs: 32),
            .convolution(inputs: 32, outputs: 40), .linear(inputs: 40 * 4 * 4, outputs: 32),
            .linear(inputs: 32, outputs: 5),
        ],
        multipliers: multipliers, biases: biases, weights: weights)

    /// The verdict on `picture`, of any size. A pure function: no state, no floating point before the probability.
    public static func judge(_ picture: GreyPicture) -> FrontalVerdict {
        let logits = logits(of: picture)
        let alternatives = zip(FrontalVerdict.Reason.inOrderOfLogits, logits.dropFirst())
        // The first of equals, so that there is one answer.
        let (reason, strongest) = alternatives.reduce(nil as (FrontalVerdict.Reason, Int)?) { best, next in
            if let best, best.1 >= next.1 { best } else { next }
        }!
        let margin = logits[0] - strongest
        let verdict: FrontalVerdict.Verdict =
            margin >= frontalMargin ? .frontal : margin < notFrontalMargin ? .notFrontal : .uncertain
        let belief = logits.map { exponential(ofMinus: logits.max()! - $0) }
        return FrontalVerdict(
            verdict: verdict, reason: verdict == .frontal ? nil : reason,
            probability: belief[0] / belief.reduce(0, +), margin: margin, version: version)
    }

    /// The logits of `frontal` and of each reason, in 1/2048.
    static func logits(of picture: GreyPicture) -> [Int] {
        network.outputs(for: ranks(of: cells(of: picture))).map { Int($0) }
    }

    /// The averages of 32 × 32 cells, row-major, in 1/256 grey levels, rounded down. A picture of fewer rows or columns
    /// repeats them.
    static func cells(of picture: GreyPicture) -> [Int32] {
        func positions(_ extent: Int) -> [[Int]] {
            (0..<side).map { i in
                let first = i * extent / side
                let span = max((i + 1) * extent / side - first, 1)
                let count = min(span, samplesPerCell)
                return (0..<count).map { first + $0 * span / count }
            }
        }
        let columns = positions(picture.width)
        // Where each cell's columns begin in the list of all.
        var starts = [0]
        for cell in columns { starts.append(starts.last! + cell.count) }
        let flat = columns.flatMap(\.self)
        var sums = [Int32](repeating: 0, count: side)
        var averages: [Int32] = []
        averages.reserveCapacity(side * side)
        picture.pixels.withUnsafeBufferPointer { pixels in
            flat.withUnsafeBufferPointer { flat in
                for rows in positions(picture.height) {
                    for x in 0..<side { sums[x] = 0 }
                    for y in rows {
                        let row = pixels.baseAddress! + y * picture.width
                        for x in 0..<side {
                            var sum: Int32 = 0
                            var i = starts[x]
                            let end = starts[x + 1]
                            while i < end {
                                sum &+= Int32(row[flat[i]])
                                i &+= 1
                            }
                            sums[x] &+= sum
                        }
                    }
                    for x in 0..<side { averages.append(sums[x] * 256 / Int32(rows.count * columns[x].count)) }
                }
            }
        }
        return averages
    }

    /// The mid-ranks of 1024 `values` about 0, −1023 … 1023: how many are lower, less how many are higher.
    static func ranks(of values: [Int32]) -> [Int32] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Int32](repeating: 0, count: values.count)
        var first = 0
        while first < order.count {
            var end = first
            while end < order.count, values[order[end]] == values[order[first]] { end += 1 }
            // `first` are lower and count − end are higher.
            for i in first..<end { ranks[order[i]] = Int32(first + end - order.count) }
            first = end
        }
        return ranks
    }

    /// e to the power of −`value`/2048 for `value` ≥ 0, by powers of e^(−1/2048): multiplications alone, which IEEE 754
    /// rounds the same everywhere, as C libraries' `exp` is not.
    static func exponential(ofMinus value: Int) -> Double {
        var power = 0.9995118379398894  // e^(−1/2048), the nearest float64
        var rest = value
        var result = 1.0
        while rest > 0 {
            if rest & 1 == 1 { result *= power }
            power *= power
            rest >>= 1
        }
        return result
    }
}

extension FrontalVerdict.Reason {
    /// The reasons as the network's logits follow that of `frontal`.
    fileprivate static let inOrderOfLogits: [Self] = [.upsideDown, .rotated, .inverted, .notFrontalChest]
}
