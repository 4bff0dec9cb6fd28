/// A file of named tensors from which a network's weights can be taken.
protocol WeightSource {
    /// The file's name, for messages.
    var name: String { get }
    /// The names of the tensors.
    var names: [String] { get }
    /// The shape of the tensor `name`, or nil where there is none.
    func shape(of name: String) -> [Int]?
    /// Calls `body` with a tensor's values in row-major order, as float32.
    func withFloats<Result>(of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result
}

extension TorchCheckpoint: WeightSource {}

extension SafetensorsFile: WeightSource {
    var names: [String] { tensors.keys.sorted() }

    func shape(of name: String) -> [Int]? { tensors[name]?.shape }
}
