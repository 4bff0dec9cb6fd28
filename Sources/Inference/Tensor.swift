/// A dense float32 array, row-major; feature maps as (image, channel, row, column), vectors as (image, element).
public struct Tensor: Sendable, Equatable {
    /// Extents from the slowest to the fastest dimension.
    public let shape: [Int]
    /// All elements, as many as the product of `shape`.
    public let values: [Float]

    init(shape: [Int], values: [Float]) {
        self.shape = shape
        self.values = values
    }

    /// The values of one image.
    public subscript(image image: Int) -> ArraySlice<Float> {
        let count = values.count / shape[0]
        return values[image * count..<(image + 1) * count]
    }
}
