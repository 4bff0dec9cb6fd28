internal import CRendering

/// A stored sample of at most 16 bits, which can index a table by its bit pattern.
protocol StoredSample: FixedWidthInteger & Sendable {
    /// The bit pattern, counted from 0.
    var tableIndex: Int { get }
    /// The sample whose bit pattern is `index`.
    init(tableIndex index: Int)

    /// How many of the first of `samples` equal `value`.
    static func leadingRun(of value: Self, in samples: UnsafeBufferPointer<Self>) -> Int
    /// How many of the last of `samples` equal `value`.
    static func trailingRun(of value: Self, in samples: UnsafeBufferPointer<Self>) -> Int
    /// The smallest and the largest of the samples inside `rectangle`.
    static func range(of area: SampleArea<Self>) -> ClosedRange<Self>
    /// Writes the level of each sample inside `area`, row by row without gaps. `levels` has one for every bit pattern;
    /// no sample lies outside of `range`.
    static func writeLevels(
        of area: SampleArea<Self>, _ levels: [UInt8], range: ClosedRange<Self>, to pixels: UnsafeMutablePointer<UInt8>,
        _ kernels: RenderingKernels)
}

/// A rectangle of a picture's samples.
struct SampleArea<Sample> {
    /// The first sample of the first row.
    let start: UnsafePointer<Sample>
    let width, height: Int
    /// Samples from one row to the next.
    let stride: Int

    /// `rectangle` of the picture that `samples` fill, `width` to a row.
    init(_ samples: UnsafeBufferPointer<Sample>, width: Int, _ rectangle: RadiographProvenance.Rectangle) {
        precondition((rectangle.y + rectangle.height - 1) * width + rectangle.x + rectangle.width <= samples.count)
        start = samples.baseAddress! + rectangle.y * width + rectangle.x
        self.width = rectangle.width
        height = rectangle.height
        stride = width
    }

    func row(_ y: Int) -> UnsafeBufferPointer<Sample> { UnsafeBufferPointer(start: start + y * stride, count: width) }
}

extension StoredSample {
    /// What `value` gives for each sample, in the order of bit patterns.
    static func table<Value>(_ value: (Self) -> Value) -> [Value] {
        (0..<(1 << Self.bitWidth)).map { value(Self(tableIndex: $0)) }
    }
}

// Samples of 8 bits come from picture files, which are small and have been decompressed: plain loops will do.
extension UInt8: StoredSample {
    var tableIndex: Int { Int(self) }
    init(tableIndex index: Int) { self = UInt8(index) }

    static func leadingRun(of value: UInt8, in samples: UnsafeBufferPointer<UInt8>) -> Int {
        samples.firstIndex { $0 != value } ?? samples.count
    }

    static func trailingRun(of value: UInt8, in samples: UnsafeBufferPointer<UInt8>) -> Int {
        samples.count - 1 - (samples.lastIndex { $0 != value } ?? -1)
    }

    static func range(of area: SampleArea<UInt8>) -> ClosedRange<UInt8> {
        var (low, high) = (UInt8.max, UInt8.min)
        for y in 0..<area.height {
            for sample in area.row(y) {
                low = Swift.min(low, sample)
                high = Swift.max(high, sample)
            }
        }
        return low...high
    }

    static func writeLevels(
        of area: SampleArea<UInt8>, _ levels: [UInt8], range: ClosedRange<UInt8>,
        to pixels: UnsafeMutablePointer<UInt8>, _ kernels: RenderingKernels
    ) {
        levels.withUnsafeBufferPointer { levels in
            for y in 0..<area.height {
                let row = pixels + y * area.width
                for (x, sample) in area.row(y).enumerated() { row[x] = levels[Int(sample)] }
            }
        }
    }
}

extension UInt16: StoredSample {
    var tableIndex: Int { Int(self) }
    init(tableIndex index: Int) { self = UInt16(index) }

    static func leadingRun(of value: UInt16, in samples: UnsafeBufferPointer<UInt16>) -> Int {
        lv_leading_run(samples.baseAddress, samples.count, value)
    }

    static func trailingRun(of value: UInt16, in samples: UnsafeBufferPointer<UInt16>) -> Int {
        lv_trailing_run(samples.baseAddress, samples.count, value)
    }

    static func range(of area: SampleArea<UInt16>) -> ClosedRange<UInt16> {
        var (low, high): (UInt16, UInt16) = (0, 0)
        lv_range_unsigned(area.start, area.width, area.height, area.stride, &low, &high)
        return low...high
    }

    static func writeLevels(
        of area: SampleArea<UInt16>, _ levels: [UInt8], range: ClosedRange<UInt16>,
        to pixels: UnsafeMutablePointer<UInt8>, _ kernels: RenderingKernels
    ) {
        writeWideLevels(of: area, levels, Int32(range.lowerBound)...Int32(range.upperBound), false, to: pixels, kernels)
    }
}

extension Int16: StoredSample {
    var tableIndex: Int { Int(UInt16(bitPattern: self)) }
    init(tableIndex index: Int) { self = Int16(bitPattern: UInt16(index)) }

    static func leadingRun(of value: Int16, in samples: UnsafeBufferPointer<Int16>) -> Int {
        samples.withMemoryRebound(to: UInt16.self) { UInt16.leadingRun(of: UInt16(bitPattern: value), in: $0) }
    }

    static func trailingRun(of value: Int16, in samples: UnsafeBufferPointer<Int16>) -> Int {
        samples.withMemoryRebound(to: UInt16.self) { UInt16.trailingRun(of: UInt16(bitPattern: value), in: $0) }
    }

    static func range(of area: SampleArea<Int16>) -> ClosedRange<Int16> {
        var (low, high): (Int16, Int16) = (0, 0)
        lv_range_signed(area.start, area.width, area.height, area.stride, &low, &high)
        return low...high
    }

    static func writeLevels(
        of area: SampleArea<Int16>, _ levels: [UInt8], range: ClosedRange<Int16>,
        to pixels: UnsafeMutablePointer<UInt8>, _ kernels: RenderingKernels
    ) {
        writeWideLevels(of: area, levels, Int32(range.lowerBound)...Int32(range.upperBound), true, to: pixels, kernels)
    }
}

/// The levels of samples of 16 bits, whose bit patterns index `levels`.
private func writeWideLevels<Sample: StoredSample>(
    of area: SampleArea<Sample>, _ levels: [UInt8], _ range: ClosedRange<Int32>, _ isSigned: Bool,
    to pixels: UnsafeMutablePointer<UInt8>, _ kernels: RenderingKernels
) {
    precondition(levels.count == 1 << 16 && Sample.bitWidth == 16)
    levels.withUnsafeBufferPointer { table in
        var levels = lv_levels()
        levels.table = table.baseAddress
        levels.is_signed = isSigned
        lv_levels_fit(&levels, range.lowerBound, range.upperBound, kernels.set)
        area.start.withMemoryRebound(to: UInt16.self, capacity: (area.height - 1) * area.stride + area.width) {
            lv_level(&levels, $0, area.width, area.height, area.stride, pixels, kernels.set)
        }
    }
}
