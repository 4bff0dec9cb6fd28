/// The trimmed and levelled picture, and what was found on the way.
struct TrimmedAndLevelled {
    let picture: GreyPicture
    let trim: RadiographProvenance.Rectangle
    let level: RadiographProvenance.Level

    /// Trims and levels `samples` (row-major, `width` × `height`, both at least 1).
    ///
    /// Each sample is read once to be mapped, and once before that to find the range where `extremes`, the smallest and
    /// the largest of all samples, don't tell; trimming stops at the first pixel that differs on each side. Equal to
    /// `trim` and `level` in float64 over a picture of the table's values (with their sign changed where `inverted`):
    /// the same subtractions, division and rounding, done once for each value instead of each pixel.
    init<Sample: StoredSample>(
        _ samples: [Sample], width: Int, height: Int, table: ValueTable, inverted: Bool,
        extremes: ClosedRange<Sample>? = nil, kernels: RenderingKernels = .best
    ) {
        precondition(width > 0 && height > 0 && samples.count == width * height, "samples must fill the picture")
        let values = table.values
        (trim, level, picture) = samples.withUnsafeBufferPointer { samples in
            let trim = Self.trimmed(samples, width: width, height: height, values: values)
            let area = SampleArea(samples, width: width, trim)
            // What was trimmed has one value; an extreme of another value lies inside.
            let border = values[samples[0].tableIndex]
            let range: ClosedRange<Sample>
            if let extremes, values[extremes.lowerBound.tableIndex] != border,
                values[extremes.upperBound.tableIndex] != border
            {
                range = extremes
            } else {
                range = Sample.range(of: area)
            }
            let level = Self.level(of: area, range, values: values)
            let levels = Self.levels(of: values, range, level, inverted: inverted)
            let pixels = [UInt8](unsafeUninitializedCapacity: trim.width * trim.height) { pixels, count in
                Sample.writeLevels(of: area, levels, range: range, to: pixels.baseAddress!, kernels)
                count = trim.width * trim.height
            }
            return (trim, level, GreyPicture(width: trim.width, height: trim.height, pixels: pixels))
        }
    }

    /// The smallest rectangle that holds every pixel whose value differs from the first pixel's; all of a constant
    /// picture.
    private static func trimmed<Sample: StoredSample>(
        _ samples: UnsafeBufferPointer<Sample>, width: Int, height: Int, values: [Double]
    ) -> RadiographProvenance.Rectangle {
        let first = samples[0]
        let border = values[first.tableIndex]
        // Several stored values can stand for one modality value; then values are compared, not samples.
        let isBorder = values.map { $0 == border }
        let isUnique = isBorder.reduce(into: 0) { $0 += $1 ? 1 : 0 } == 1
        func leading(_ row: UnsafeBufferPointer<Sample>) -> Int {
            isUnique
                ? Sample.leadingRun(of: first, in: row) : row.firstIndex { !isBorder[$0.tableIndex] } ?? row.count
        }
        func trailing(_ row: UnsafeBufferPointer<Sample>) -> Int {
            isUnique
                ? Sample.trailingRun(of: first, in: row)
                : row.count - 1 - (row.lastIndex { !isBorder[$0.tableIndex] } ?? -1)
        }
        func row(_ y: Int) -> UnsafeBufferPointer<Sample> {
            UnsafeBufferPointer(rebasing: samples[y * width..<(y + 1) * width])
        }
        var top = 0
        while top < height, leading(row(top)) == width { top += 1 }
        if top == height { return .init(x: 0, y: 0, width: width, height: height) }
        var bottom = height - 1
        while leading(row(bottom)) == width { bottom -= 1 }
        // From each side, only as far as the narrowest border found so far.
        var left = width
        var right = width
        for y in top...bottom where left > 0 || right > 0 {
            let row = row(y)
            left = leading(UnsafeBufferPointer(rebasing: row[..<left]))
            right = trailing(UnsafeBufferPointer(rebasing: row[(width - right)...]))
        }
        return .init(x: left, y: top, width: width - left - right, height: bottom - top + 1)
    }

    /// The lowest and highest value inside `area`, whose samples have `range`.
    private static func level<Sample: StoredSample>(
        of area: SampleArea<Sample>, _ range: ClosedRange<Sample>, values: [Double]
    ) -> RadiographProvenance.Level {
        // Between the extremes of the samples, a rescale is monotonic and a LUT nearly always; then the ends suffice.
        var rises = true
        var falls = true
        var previous = values[range.lowerBound.tableIndex]
        var sample = range.lowerBound
        while sample < range.upperBound {
            sample += 1
            let value = values[sample.tableIndex]
            rises = rises && value >= previous
            falls = falls && value <= previous
            previous = value
        }
        let ends = (values[range.lowerBound.tableIndex], values[range.upperBound.tableIndex])
        if rises || falls { return .init(low: min(ends.0, ends.1), high: max(ends.0, ends.1)) }
        var isPresent = [Bool](repeating: false, count: values.count)
        for y in 0..<area.height {
            for sample in area.row(y) { isPresent[sample.tableIndex] = true }
        }
        let present = zip(values, isPresent).lazy.filter(\.1).map(\.0)
        return .init(low: present.min()!, high: present.max()!)
    }

    /// The 8-bit level of every stored value of `range`, by bit pattern; 0 for the others, which occur only outside the
    /// trimmed rectangle, if at all.
    private static func levels<Sample: StoredSample>(
        of values: [Double], _ range: ClosedRange<Sample>, _ level: RadiographProvenance.Level, inverted: Bool
    ) -> [UInt8] {
        var levels = [UInt8](repeating: 0, count: values.count)
        let span = level.high - level.low
        guard span > 0 else { return levels }
        var sample = range.lowerBound
        while true {
            let value = values[sample.tableIndex]
            // (−v) − (−high) is high − v to the bit, so a change of sign costs nothing here.
            let above = inverted ? level.high - value : value - level.low
            // A LUT may have values outside the level between those that occur.
            levels[sample.tableIndex] = UInt8(min(max((above / span * 255 + 0.5).rounded(.down), 0), 255))
            if sample == range.upperBound { return levels }
            sample += 1
        }
    }
}
