/// What the layers of one class took together.
public struct LayerTime: Sendable, Equatable {
    /// Kernel, output size and method.
    public let description: String
    /// How many there are.
    public let layers: Int
    /// From the end of the layer before to the end of each, summed.
    public private(set) var milliseconds = 0.0
    /// Multiply-adds done, which by tiles are fewer than the graph's.
    public private(set) var multiplyAdds = 0

    init(description: String, layers: Int) {
        self.description = description
        self.layers = layers
    }

    mutating func add(milliseconds: Double, multiplyAdds: Int) {
        self.milliseconds += milliseconds
        self.multiplyAdds += multiplyAdds
    }
}
