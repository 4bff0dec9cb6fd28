public import Foundation

/// NumPy's array files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), float32, C order.
public enum NPYFile {
    private static let magic = [0x93] + Array("NUMPY".utf8)
    /// Larger headers are refused: one of a float32 array takes 118 bytes.
    private static let headerLimit = 65_536

    /// The array in `data`, of format version 1 to 3.
    /// - Parameter name: the file's, for messages.
    /// - Throws: `InferenceError` (`invalidInput`) where it is no such array or its length belies its shape.
    public static func read(_ data: Data, name: String) throws(InferenceError) -> Tensor {
        func refuse(_ reason: String) -> InferenceError {
            InferenceError(.invalidInput, "\(name) can't be used as a float32 NumPy array: \(reason)")
        }
        let bytes = [UInt8](data.prefix(12))
        guard bytes.count == 12, bytes.starts(with: magic), 1...3 ~= bytes[6] else {
            throw refuse("it doesn't begin as one")
        }
        let long = bytes[6] > 1
        let start = long ? 12 : 10
        let length =
            Int(bytes[8]) | Int(bytes[9]) << 8 | (long ? Int(bytes[10]) << 16 | Int(bytes[11]) << 24 : 0)
        guard length <= headerLimit, data.count >= start + length else { throw refuse("its header is cut off") }
        let header = String(decoding: data.dropFirst(start).prefix(length), as: UTF8.self)
        guard header.contains("'descr': '<f4'") else { throw refuse("its elements are not little-endian float32") }
        guard header.contains("'fortran_order': False") else { throw refuse("it is not in C order") }
        guard let open = header.range(of: "'shape': ("),
            let close = header[open.upperBound...].firstIndex(of: ")")
        else { throw refuse("its header states no shape") }
        var shape: [Int] = []
        var count = 1
        for part in header[open.upperBound..<close].split(separator: ",") {
            let text = part.trimmingCharacters(in: .whitespaces)
            if text.isEmpty { continue }
            guard let extent = Int(text), extent >= 0 else { throw refuse("its shape is no list of numbers") }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= data.count else { throw refuse("its shape is larger than the file") }
            shape.append(extent)
            count = product
        }
        guard data.count - start - length == count * MemoryLayout<Float>.stride else {
            throw refuse("its shape needs \(count) values, the file has another number")
        }
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = data.dropFirst(start + length).copyBytes(to: buffer) / MemoryLayout<Float>.stride
        }
        return Tensor(shape: shape, values: values)
    }

    /// The file that holds `tensor`, of format version 1.
    public static func data(_ tensor: Tensor) -> Data {
        let shape = tensor.shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }"
        // Padded so that the values begin at a multiple of 64, and closed by a line feed.
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        var data = Data(magic + [1, 0])
        withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header.utf8)
        tensor.values.withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }
}
