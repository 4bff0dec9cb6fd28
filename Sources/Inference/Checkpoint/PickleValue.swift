/// A value on the stack of a ``PickleMachine``. Containers are places in the machine's arenas, so that no nesting,
/// however deep, costs recursion.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer of more than 64 bits, of which no checkpoint needs the value but the legacy format's magic number.
    case wideInteger([UInt8])
    case float(Double)
    case text(String)
    case bytes(Range<Int>)
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    /// A tensor's storage, by what the pickle says of it.
    case storage(PickleStorage)
    /// A tensor over a storage.
    case tensor(PickleTensor)
}

/// The only names that a pickle may refer to: what PyTorch's own checkpoints of a network and its optimiser need.
enum PickleGlobal: Hashable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storageType(TensorElement)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", _):
            guard let element = TensorElement(storageType: name) else { return nil }
            self = .storageType(element)
        default: return nil
        }
    }
}

/// Element types of PyTorch's storages.
enum TensorElement: String, Hashable, Sendable {
    case float32 = "F32"
    case float64 = "F64"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    init?(storageType: String) {
        let types: [String: TensorElement] = [
            "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
            "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
            "ByteStorage": .uint8, "BoolStorage": .bool,
        ]
        guard let type = types[storageType] else { return nil }
        self = type
    }

    /// Bytes of an element.
    var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }
}

/// A storage as a pickle names it.
struct PickleStorage: Hashable {
    var element: TensorElement
    /// Where its bytes are: an entry of the archive, or a place in the stream.
    var key: String
    /// Elements.
    var count: Int
}

/// A tensor as a pickle builds it: a view of a storage.
struct PickleTensor: Equatable {
    var storage: PickleStorage
    /// Elements before the first.
    var offset: Int
    var shape: [Int]
    /// Elements between neighbours, by dimension.
    var strides: [Int]

    /// Whether it lies row-major without gaps.
    var isContiguous: Bool {
        var expected = 1
        for (extent, stride) in zip(shape, strides).reversed() {
            guard extent == 1 || stride == expected else { return false }
            expected *= extent
        }
        return true
    }

    var count: Int { shape.reduce(1, *) }

    /// A view that lies within its storage; throws where it doesn't, or no such tensor can be.
    init(storage: PickleStorage, offset: Int, shape: [Int], strides: [Int]) throws(CheckpointError) {
        guard shape.count == strides.count, shape.count <= 8, offset >= 0, shape.allSatisfy({ $0 >= 0 }),
            strides.allSatisfy({ $0 >= 0 })
        else { throw CheckpointError("a tensor has an impossible shape") }
        var last = offset
        var total = 1
        for (extent, stride) in zip(shape, strides) {
            let (span, overflow) = max(0, extent - 1).multipliedReportingOverflow(by: stride)
            let (end, beyond) = last.addingReportingOverflow(span)
            let (product, tooMany) = total.multipliedReportingOverflow(by: extent)
            guard !overflow, !beyond, !tooMany else { throw CheckpointError("a tensor has an impossible shape") }
            (last, total) = (end, product)
        }
        guard total == 0 || last < storage.count, total <= storage.count else {
            throw CheckpointError("a tensor of shape \(shape) reaches beyond its storage of \(storage.count) elements")
        }
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }
}
