public import Foundation

/// A checkpoint that PyTorch's `torch.save` wrote, mapped and checked; no code of it is ever run.
///
/// Both formats are read: the zip archive (since 1.6), and the stream of pickles before it, in which CXR-Risk was
/// published. Of the file, the state dictionary is taken: the whole, or what fastai keeps under `model`, or others under
/// `state_dict`.
public struct TorchCheckpoint {
    /// The file's name, for messages.
    public let name: String
    private let file: Data
    /// The tensors of the state dictionary by name.
    private let tensors: [String: PickleTensor]
    /// Where the bytes of each storage are.
    private let storages: [String: Range<Int>]

    /// The names of the tensors.
    public var names: [String] { tensors.keys.sorted() }

    /// The shape of the tensor `name`, or nil where there is none.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// Maps and checks the file at `url`.
    /// - Throws: `InferenceError` (`unreadable`, `malformedCheckpoint`).
    public init(url: URL) throws(InferenceError) {
        name = url.lastPathComponent
        do {
            file = try Data(contentsOf: url, options: .alwaysMapped)
        } catch {
            throw InferenceError(.unreadable, "\(name) can't be read: \(error.localizedDescription)")
        }
        do {
            (tensors, storages) = try Self.read(file)
        } catch let error as CheckpointError {
            throw InferenceError(
                .malformedCheckpoint, "\(name) can't be used as a PyTorch checkpoint: \(error.message)")
        } catch {
            throw InferenceError(
                .malformedCheckpoint, "\(name) can't be used as a PyTorch checkpoint", underlying: error)
        }
    }

    private static func read(_ file: Data) throws -> ([String: PickleTensor], [String: Range<Int>]) {
        try file.withUnsafeBytes { bytes in
            let (machine, value, storages) =
                ZipArchive.begins(bytes) ? try TorchArchive.read(bytes) : try TorchStream.read(bytes)
            let tensors = try stateDictionary(value, of: machine)
            for (name, tensor) in tensors {
                let storage = tensor.storage
                let (size, overflow) = storage.count.multipliedReportingOverflow(by: storage.element.size)
                guard let range = storages[storage.key], !overflow, range.count == size else {
                    throw CheckpointError("the storage of the tensor “\(name)” is missing or of another size")
                }
            }
            return (tensors, storages)
        }
    }

    /// The tensors of a state dictionary, or of the one inside a training checkpoint.
    private static func stateDictionary(
        _ value: PickleValue, of machine: PickleMachine
    ) throws(CheckpointError) -> [String: PickleTensor] {
        guard var entries = machine.entries(of: value) else {
            throw CheckpointError("it holds no dictionary; save the network's state_dict()")
        }
        for wrapper in ["model", "state_dict"] {
            if let inner = entries.first(where: { $0.key == wrapper }).flatMap({ machine.entries(of: $0.value) }) {
                entries = inner
                break
            }
        }
        var tensors: [String: PickleTensor] = [:]
        for (name, value) in entries {
            guard case .tensor(let tensor) = value else {
                throw CheckpointError("“\(name)” is no tensor; save the network's state_dict()")
            }
            guard tensors.updateValue(tensor, forKey: name) == nil else {
                throw CheckpointError("“\(name)” is there twice")
            }
        }
        guard !tensors.isEmpty else { throw CheckpointError("its state dictionary is empty") }
        return tensors
    }

    /// Calls `body` with a tensor's values in row-major order, as float32.
    /// - Throws: `InferenceError` (`mismatchedWeights`) where there is no such tensor, or not of floating point.
    func withFloats<Result>(of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        guard let tensor = tensors[name], let range = storages[tensor.storage.key] else {
            throw InferenceError(.mismatchedWeights, "\(self.name) holds no tensor “\(name)”")
        }
        return try file.withUnsafeBytes { bytes in
            let storage = UnsafeRawBufferPointer(rebasing: bytes[range])
            let values = [Float](unsafeUninitializedCapacity: tensor.count) { buffer, filled in
                if tensor.storage.element == .float32, tensor.isContiguous {
                    let start = tensor.offset * 4
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: storage[start..<start + tensor.count * 4]))
                    filled = tensor.count
                } else if let element = tensor.storage.element.reader {
                    tensor.forEachPlace { index, place in buffer[index] = element(storage, place) }
                    filled = tensor.count
                }
            }
            guard values.count == tensor.count else {
                throw InferenceError(
                    .mismatchedWeights,
                    "the tensor “\(name)” of \(self.name) is \(tensor.storage.element.rawValue), not of floating point")
            }
            return try values.withUnsafeBufferPointer(body)
        }
    }
}

extension TensorElement {
    /// Reads one element of a storage as float32; nil for types that are no floating point.
    fileprivate var reader: ((UnsafeRawBufferPointer, Int) -> Float)? {
        switch self {
        case .float32:
            { Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: $1 * 4, as: UInt32.self))) }
        case .float64:
            {
                Float(
                    Double(bitPattern: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: $1 * 8, as: UInt64.self))))
            }
        case .float16:
            {
                Float(
                    Float16(bitPattern: UInt16(littleEndian: $0.loadUnaligned(fromByteOffset: $1 * 2, as: UInt16.self)))
                )
            }
        case .bfloat16:
            {
                Float(
                    bitPattern: UInt32(UInt16(littleEndian: $0.loadUnaligned(fromByteOffset: $1 * 2, as: UInt16.self)))
                        << 16)
            }
        case .int64, .int32, .int16, .int8, .uint8, .bool: nil
        }
    }
}

extension PickleTensor {
    /// Calls `body` with each element's row-major index and its place in the storage.
    fileprivate func forEachPlace(_ body: (_ index: Int, _ place: Int) -> Void) {
        guard count > 0 else { return }
        var position = [Int](repeating: 0, count: shape.count)
        var place = offset
        for index in 0..<count {
            body(index, place)
            var dimension = shape.count - 1
            while dimension >= 0 {
                position[dimension] += 1
                place += strides[dimension]
                if position[dimension] < shape[dimension] { break }
                place -= strides[dimension] * shape[dimension]
                position[dimension] = 0
                dimension -= 1
            }
        }
    }
}
