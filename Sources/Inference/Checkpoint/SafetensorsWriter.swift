import Foundation

/// Writes float32 tensors as a safetensors file, one after another, so that no more than one is in memory.
enum SafetensorsWriter {
    /// Writes `parameters`, whose values are taken from `source` under the names given, to `url`.
    static func write(
        _ parameters: [NetworkGraph.Parameter], _ names: WeightNames, from source: some WeightSource, to url: URL
    ) throws {
        var entries: [String] = []
        var end = 0
        for parameter in parameters {
            let size = parameter.shape.reduce(4, *)
            // Names of a graph's parameters need no escapes in JSON; one that did would be refused when opened.
            entries.append(
                entry("\"\(parameter.name)\"", dtype: "F32", shape: parameter.shape, range: end..<end + size))
            end += size
        }
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
            throw InferenceError(.unreadable, "\(url.lastPathComponent) can't be written: check rights and free space")
        }
        let file = try FileHandle(forWritingTo: url)
        defer { try? file.close() }
        try file.write(contentsOf: head(entries))
        for parameter in parameters {
            guard let name = names.sources[parameter.name] else { continue }
            try source.withFloats(of: name) { values in
                // Without a copy of the values: the file is written before the body returns.
                let bytes = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(values.baseAddress!))
                try file.write(contentsOf: Data(bytesNoCopy: bytes, count: values.count * 4, deallocator: .none))
            }
        }
        try file.synchronize()
    }

    /// A tensor's member of the header.
    /// - Parameter key: its name as JSON, quotes included.
    static func entry(_ key: String, dtype: String, shape: [Int], range: Range<Int>) -> String {
        let shape = shape.map(String.init).joined(separator: ",")
        let offsets = "\(range.lowerBound),\(range.upperBound)"
        return #"\#(key):{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[\#(offsets)]}"#
    }

    /// What a file begins with: the header's length, and the header of these members.
    static func head(_ entries: [String]) -> Data {
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        // Padded, as the reference implementation does, so that values lie aligned in the mapped file.
        while header.count % 8 != 0 { header.append(0x20) }
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + Data(header)
    }
}
