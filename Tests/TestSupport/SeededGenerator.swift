/// Pseudo-random numbers by SplitMix64 (Steele et al. 2014), so that a test's values are the same in every run.
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The sequence that `state`, the seed, begins.
    public init(state: UInt64) {
        self.state = state
    }

    /// The next 64 bits of the sequence.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
