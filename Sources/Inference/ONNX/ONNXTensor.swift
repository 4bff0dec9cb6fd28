import Foundation

/// A constant of an ONNX graph: an initialiser, or what was computed of some while the graph was read.
struct ONNXTensor: Equatable {
    enum Values: Equatable {
        case floats([Float])
        case integers([Int])
        /// All the same: takes no memory, however many there are.
        case repeated(Float)
    }

    /// Extents from the slowest to the fastest dimension; empty for a scalar.
    var dims: [Int]
    var values: Values

    /// Of the largest tensor: 2 GiB of float32, the size of the largest protobuf message.
    static let limit = 1 << 29

    /// The number of elements that `dims` say.
    /// - Throws: `ONNXRefusal` where one is negative, or there are more than any file holds.
    static func count(_ dims: [Int], of name: String) throws(ONNXRefusal) -> Int {
        // An extent of 0 doesn't excuse the others: strides are products of some of them.
        var count = 1
        for extent in dims {
            let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
            guard extent >= 0, !overflow, product <= limit else {
                throw .malformed("\(name) has the extents \(dims), which no tensor of a file can have")
            }
            count = product
        }
        return dims.contains(0) ? 0 : count
    }

    /// The number of elements.
    var count: Int { dims.reduce(1, *) }

    /// The values as float32.
    var floats: [Float] {
        switch values {
        case .floats(let values): values
        case .integers(let values): values.map(Float.init)
        case .repeated(let value): Array(repeating: value, count: count)
        }
    }

    /// The values of an integer tensor, else nil.
    var integers: [Int]? {
        if case .integers(let values) = values { values } else { nil }
    }

    /// `change` of every value; what takes no memory still doesn't.
    func map(_ change: (Float) -> Float) -> ONNXTensor {
        if case .repeated(let value) = values { return ONNXTensor(dims: dims, values: .repeated(change(value))) }
        return ONNXTensor(dims: dims, values: .floats(floats.map(change)))
    }

    /// Elements in memory.
    var stored: Int { if case .repeated = values { 0 } else { count } }

    /// The same values for the elements at offset + sum of index x stride.
    func selected(_ extents: [Int], _ strides: [Int], offset: Int) -> ONNXTensor {
        let total = extents.reduce(1, *)
        func pick<Value>(_ values: [Value]) -> [Value] {
            guard total > 0 else { return [] }
            var index = [Int](repeating: 0, count: extents.count)
            var place = offset
            return (0..<total).map { _ in
                let value = values[place]
                var d = extents.count - 1
                while d >= 0 {
                    place += strides[d]
                    index[d] += 1
                    if index[d] < extents[d] { break }
                    place -= extents[d] * strides[d]
                    index[d] = 0
                    d -= 1
                }
                return value
            }
        }
        switch values {
        case .floats(let values): return ONNXTensor(dims: extents, values: .floats(pick(values)))
        case .integers(let values): return ONNXTensor(dims: extents, values: .integers(pick(values)))
        case .repeated: return ONNXTensor(dims: extents, values: values)
        }
    }
}

extension ONNXTensor {
    /// Decodes `proto`; floating point becomes float32, integers and booleans stay whole.
    /// - Throws: `ONNXRefusal` where its values lie elsewhere, are of another type, or not as many as its extents say.
    init(_ proto: Onnx_TensorProto, _ name: String) throws(ONNXRefusal) {
        guard proto.dataLocation == .default else {
            throw .unsupported(
                "the values of \(name) lie in another file; save the model with its weights inside, for instance by "
                    + "onnx.save_model(model, path, save_as_external_data=False)")
        }
        guard !proto.hasSegment else { throw .unsupported("\(name) is stored in segments") }
        let dims = proto.dims.map(Int.init)
        let count = try Self.count(dims, of: name)
        let raw = proto.rawData
        func mismatch(_ found: Int) -> ONNXRefusal {
            .malformed("\(name) has the extents \(dims), so \(count) values, but \(found) in the file")
        }
        func checked<Value>(_ values: [Value]) throws(ONNXRefusal) -> [Value] {
            guard values.count == count else { throw mismatch(values.count) }
            return values
        }
        func rawValues<Stored: BitwiseCopyable, Value>(
            _ type: Stored.Type, _ value: (Stored) -> Value
        ) throws(ONNXRefusal) -> [Value] {
            let size = MemoryLayout<Stored>.size
            guard raw.count == count * size else { throw mismatch(raw.count / size) }
            return raw.withUnsafeBytes { bytes in
                (0..<count).map { value(bytes.loadUnaligned(fromByteOffset: $0 * size, as: Stored.self)) }
            }
        }
        switch Onnx_TensorProto.DataType(rawValue: Int(proto.dataType)) {
        case .float where raw.isEmpty: values = .floats(try checked(proto.floatData))
        case .float:
            guard raw.count == count * 4 else { throw mismatch(raw.count / 4) }
            values = .floats(
                [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                    filled = raw.copyBytes(to: buffer) / 4
                })
        case .double where raw.isEmpty: values = .floats(try checked(proto.doubleData.map { Float($0) }))
        case .double: values = .floats(try rawValues(Double.self) { Float($0) })
        case .float16 where raw.isEmpty:
            values = .floats(
                try checked(proto.int32Data.map { Float(Float16(bitPattern: UInt16(truncatingIfNeeded: $0))) }))
        case .float16: values = .floats(try rawValues(UInt16.self) { Float(Float16(bitPattern: $0)) })
        case .bfloat16 where raw.isEmpty:
            values = .floats(
                try checked(proto.int32Data.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0) << 16) }))
        case .bfloat16: values = .floats(try rawValues(UInt16.self) { Float(bitPattern: UInt32($0) << 16) })
        case .int64 where raw.isEmpty: values = .integers(try checked(proto.int64Data.map(Int.init)))
        case .int64: values = .integers(try rawValues(Int64.self, Int.init))
        case .int32 where raw.isEmpty: values = .integers(try checked(proto.int32Data.map(Int.init)))
        case .int32: values = .integers(try rawValues(Int32.self, Int.init))
        case .bool where raw.isEmpty: values = .integers(try checked(proto.int32Data.map(Int.init)))
        case .bool: values = .integers(try rawValues(UInt8.self, Int.init))
        default:
            throw .unsupported(
                "\(name) is of the element type \(proto.dataType), no float, integer or boolean tensor")
        }
        self.dims = dims
    }
}
