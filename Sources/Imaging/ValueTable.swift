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
