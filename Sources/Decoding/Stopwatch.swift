/// Time spent, lap by lap.
public struct Stopwatch {
    private var start = ContinuousClock.now

    /// Begins the first lap.
    public init() {}

    /// Milliseconds since the last lap, or since the start.
    public mutating func lap() -> Double {
        let now = ContinuousClock.now
        defer { start = now }
        return (now - start) / .milliseconds(1)
    }
}
