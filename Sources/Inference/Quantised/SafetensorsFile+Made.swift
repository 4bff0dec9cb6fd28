internal import Foundation

extension SafetensorsFile {
    /// Quantised weights that are made rather than read: `fill` is called with every tensor's bytes, all of them 0.
    /// - Throws: `InferenceError` (`resources`), or what `fill` throws.
    static func made(
        name: String, _ tensors: [QuantisedParameters.Tensor],
        fill: (QuantisedParameters.Tensor, UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> SafetensorsFile {
        func bytes(_ tensor: QuantisedParameters.Tensor) -> Int {
            tensor.shape.reduce(tensor.dtype == "F32" ? 4 : 1, *)
        }
        let size = max(tensors.reduce(0) { $0 + bytes($1) }, 1)
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED
        else { throw InferenceError(.resources, "no memory for \(size) bytes of weights") }
        var table: [String: TensorInfo] = [:]
        var end = 0
        // Floats first, so that they lie aligned.
        for tensor in tensors.filter({ $0.dtype == "F32" }) + tensors.filter({ $0.dtype != "F32" }) {
            let range = end..<end + bytes(tensor)
            table[tensor.name] = TensorInfo(dtype: tensor.dtype, shape: tensor.shape, range: range)
            do {
                try fill(tensor, UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
            } catch {
                munmap(base, size)
                throw error
            }
            end = range.upperBound
        }
        return SafetensorsFile(
            name: name, tensors: table, mapping: UnsafeRawBufferPointer(start: base, count: size))
    }

    /// Writes tensors that were made to `url`, in the format that `init(url:)` reads.
    func write(to url: URL) throws {
        let sorted = tensors.sorted { $0.value.range.lowerBound < $1.value.range.lowerBound }
        let first = sorted.first?.value.range.lowerBound ?? 0
        let entries = try sorted.map { name, info in
            let key = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
            return SafetensorsWriter.entry(
                key, dtype: info.dtype, shape: info.shape,
                range: info.range.lowerBound - first..<info.range.upperBound - first)
        }
        var data = SafetensorsWriter.head(entries)
        withUnsafeBytes { bytes in
            data.append(contentsOf: bytes[first..<(sorted.last?.value.range.upperBound ?? first)])
        }
        do {
            try data.write(to: url)
        } catch {
            throw InferenceError(
                .unreadable, "\(url.lastPathComponent) can't be written: check rights and free space", underlying: error
            )
        }
    }

    /// Random quantised weights for `graph`, the same for every seed: to measure with.
    ///
    /// Weights are even in -127 … 127; scales keep the results of convolutions in the lower half of the bytes.
    /// - Throws: `InferenceError` (`invalidGraph`, `resources`).
    public static func seededQuantised(for graph: NetworkGraph, seed: UInt64) throws -> SafetensorsFile {
        let parameters = try QuantisedParameters(graph, shapes: graph.shapes())
        let floats = try seeded(for: graph, seed: seed)
        var random = SplitMix64(state: seed)
        var scales: [String: Float] = [:]
        for tensor in parameters.tensors where tensor.dtype == "I8" {
            // Of a sum of uniform weights times bytes around 40, and of a result around 30.
            let products = Double(tensor.shape.dropFirst().reduce(1, *))
            scales[tensor.name + ".scale"] = Float(30 / (73 * 40 * products.squareRoot()))
        }
        let plain = Set(parameters.floats.map(\.name))
        return try made(name: "seed \(seed)", parameters.tensors) { tensor, bytes in
            switch tensor.dtype {
            case "I8": for i in bytes.indices { bytes[i] = UInt8(bitPattern: Int8(Int(random.nextUnit() * 255) - 127)) }
            case "U8":
                guard tensor.name == QuantisedParameters.zeroPoint(of: NetworkGraph.inputName) else { return }
                for i in bytes.indices { bytes[i] = 114 }
            default:
                if plain.contains(tensor.name) {
                    try floats.withFloats(of: tensor.name) { bytes.copyMemory(from: UnsafeRawBufferPointer($0)) }
                    return
                }
                let isInput = tensor.name == QuantisedParameters.scale(of: NetworkGraph.inputName)
                let value = scales[tensor.name] ?? (tensor.name.hasSuffix(".bias") ? 20 : isInput ? 4.8 / 255 : 1)
                for i in stride(from: 0, to: bytes.count, by: 4) {
                    bytes.storeBytes(of: value, toByteOffset: i, as: Float.self)
                }
            }
        }
    }
}
