/// The trimmed and levelled picture, and what was found on the way.
struct TrimmedAndLevelled {
    let picture: GreyPicture
    let trim: RadiographProvenance.Rectangle
    let level: RadiographProvenance.Level

    /// Trims and levels `samples` (row-major, `width` × `height`, both at least 1).
    ///
    /// Each sample is read once to find the range and once to be mapped; trimming stops at the first pixel that differs
    /// on each side. Equal to `trim` and `level` in float64 over a picture of the table's values (with their sign
    /// changed where `inverted`): the same subtractions, division and rounding, done once for each value instead of
    /// each pixel.
    init<Sample: StoredSample>(
        _ samples: [Sample], width: Int, height: Int, table: ValueTable, inverted: Bool
    ) {
        precondition(width > 0 && height > 0 && samples.count == width * height, "samples must fill the picture")
        let trim = samples.withUnsafeBufferPointer {
            Self.trimmed($0, width: width, height: height, values: table.values)
        }
        let level = samples.withUnsafeBufferPointer {
            Self.range($0, width: width, rectangle: trim, values: table.values)
        }
        let levels = Self.levels(of: table.values, range: level, inverted: inverted)
        let pixels = [UInt8](unsafeUninitializedCapacity: trim.width * trim.height) { pixels, count in
            samples.withUnsafeBufferPointer { samples in
                levels.withUnsafeBufferPointer { levels in
                    for y in 0..<trim.height {
                        let source = samples.baseAddress! + (trim.y + y) * width + trim.x
                        let row = pixels.baseAddress! + y * trim.width
                        for x in 0..<trim.width { row[x] = levels[source[x].tableIndex] }
                    }
                }
            }
            count = trim.width * trim.height
        }
        self.trim = trim
        self.level = level
        picture = GreyPicture(width: trim.width, height: trim.height, pixels: pixels)
    }

    /// The smallest rectangle that holds every pixel whose value differs from the first pixel's; all of a constant
    /// picture.
    private static func trimmed<Sample: StoredSample>(
        _ samples: UnsafeBufferPointer<Sample>, width: Int, height: Int, values: [Double]
    ) -> RadiographProvenance.Rectangle {
        // Several stored values can stand for one modality value, so values are compared, not samples.
        let border = values[samples[0].tableIndex]
        let isBorder = values.map { $0 == border }
        return isBorder.withUnsafeBufferPointer { isBorder in
            func differs(_ x: Int, _ y: Int) -> Bool { !isBorder[samples[y &* width &+ x].tableIndex] }
            func rowDiffers(_ y: Int) -> Bool {
                var x = 0
                while x < width, !differs(x, y) { x &+= 1 }
                return x < width
            }
            var top = 0
            while top < height, !rowDiffers(top) { top += 1 }
            if top == height { return .init(x: 0, y: 0, width: width, height: height) }
            var bottom = height - 1
            while !rowDiffers(bottom) { bottom -= 1 }
            var left = width - 1
            var right = 0
            for y in top...bottom {
                var x = 0
                while x < left, !differs(x, y) { x &+= 1 }
                if x < left { left = x }
                x = width - 1
                while x > right, !differs(x, y) { x &-= 1 }
                if x > right { right = x }
            }
            return .init(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
        }
    }

    /// The lowest and highest value inside `rectangle`.
    private static func range<Sample: StoredSample>(
        _ samples: UnsafeBufferPointer<Sample>, width: Int, rectangle: RadiographProvenance.Rectangle, values: [Double]
    ) -> RadiographProvenance.Level {
        var low = Sample.max
        var high = Sample.min
        for y in rectangle.y..<rectangle.y + rectangle.height {
            let row = UnsafeBufferPointer(
                rebasing: samples[y * width + rectangle.x..<y * width + rectangle.x + rectangle.width])
            for sample in row {
                low = min(low, sample)
                high = max(high, sample)
            }
        }
        // Between the extremes of the samples, a rescale is monotonic and a LUT nearly always; then the ends suffice.
        var rises = true
        var falls = true
        var previous = values[low.tableIndex]
        var sample = low
        while sample < high {
            sample += 1
            let value = values[sample.tableIndex]
            rises = rises && value >= previous
            falls = falls && value <= previous
            previous = value
        }
        let ends = (values[low.tableIndex], values[high.tableIndex])
        if rises || falls { return .init(low: min(ends.0, ends.1), high: max(ends.0, ends.1)) }
        return rangeOfPresent(samples, width: width, rectangle: rectangle, values: values)
    }

    /// The lowest and highest value inside `rectangle` for any table.
    private static func rangeOfPresent<Sample: StoredSample>(
        _ samples: UnsafeBufferPointer<Sample>, width: Int, rectangle: RadiographProvenance.Rectangle, values: [Double]
    ) -> RadiographProvenance.Level {
        var isPresent = [Bool](repeating: false, count: values.count)
        for y in rectangle.y..<rectangle.y + rectangle.height {
            for x in rectangle.x..<rectangle.x + rectangle.width { isPresent[samples[y * width + x].tableIndex] = true }
        }
        let present = zip(values, isPresent).lazy.filter(\.1).map(\.0)
        return .init(low: present.min()!, high: present.max()!)
    }

    /// The 8-bit level of every stored value.
    private static func levels(of values: [Double], range: RadiographProvenance.Level, inverted: Bool) -> [UInt8] {
        let span = range.high - range.low
        guard span > 0 else { return [UInt8](repeating: 0, count: values.count) }
        return values.map { value in
            // (−v) − (−high) is high − v to the bit, so a change of sign costs nothing here.
            let above = inverted ? range.high - value : value - range.low
            // Values outside the range occur only outside the trimmed rectangle, if at all.
            return UInt8(min(max((above / span * 255 + 0.5).rounded(.down), 0), 255))
        }
    }
}
