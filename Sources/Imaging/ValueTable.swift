/// The modality value of every stored value, or its value of interest: one table of 2¹⁶ entries, or 2⁸ for 8-bit samples, so that no picture of
/// floating-point values is ever made.
///
/// A stored value's entry is at its bit pattern; signed values have their own half of the table.
struct ValueTable {
    /// Values by bit pattern, before a change of sign.
    private(set) var values: [Double]

    /// The table in which every value stands for itself.
    init<Sample: StoredSample>(identityFor: Sample.Type) {
        values = Sample.table { Double($0) }
    }

    /// The table of a rescale; `slope` and `intercept` are finite.
    init<Sample: StoredSample>(slope: Double, intercept: Double, for: Sample.Type) {
        values = Sample.table { Double($0) * slope + intercept }
    }

    /// The table of a modality LUT; `entries` has at least one.
    init<Sample: StoredSample>(entries: [UInt16], firstMapped: Int, for: Sample.Type) {
        values = Sample.table { Double(entries[min(max(Int($0) - firstMapped, 0), entries.count - 1)]) }
    }
}

extension ValueTable {
    /// Turns modality values into values of interest.
    mutating func apply(_ voi: VOIFunction) {
        for index in values.indices { values[index] = voi(values[index]) }
    }
}

/// A stored sample of at most 16 bits, which can index a table by its bit pattern.
protocol StoredSample: FixedWidthInteger & Sendable {
    /// The bit pattern, counted from 0.
    var tableIndex: Int { get }
    /// The sample whose bit pattern is `index`.
    init(tableIndex index: Int)
}

extension StoredSample {
    /// What `value` gives for each sample, in the order of bit patterns.
    static func table<Value>(_ value: (Self) -> Value) -> [Value] {
        (0..<(1 << Self.bitWidth)).map { value(Self(tableIndex: $0)) }
    }
}

extension UInt8: StoredSample {
    var tableIndex: Int { Int(self) }
    init(tableIndex index: Int) { self = UInt8(index) }
}

extension UInt16: StoredSample {
    var tableIndex: Int { Int(self) }
    init(tableIndex index: Int) { self = UInt16(index) }
}

extension Int16: StoredSample {
    var tableIndex: Int { Int(UInt16(bitPattern: self)) }
    init(tableIndex index: Int) { self = Int16(bitPattern: UInt16(index)) }
}
