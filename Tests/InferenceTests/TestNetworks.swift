import Foundation
import Inference
import TestSupport

/// A safetensors file with these tensors, gone when the last reference is.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("inference-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes `bytes` to a file of that name.
    func write(_ bytes: Data, to name: String) throws -> URL {
        let file = url.appendingPathComponent(name)
        try bytes.write(to: file)
        return file
    }

    /// Writes `bytes` and opens them as safetensors.
    func safetensors(_ bytes: Data) throws -> SafetensorsFile {
        let file = url.appendingPathComponent("\(UUID().uuidString).safetensors")
        try bytes.write(to: file)
        return try SafetensorsFile(url: file)
    }

    func safetensors(header: String, data: Data = Data()) throws -> SafetensorsFile {
        try safetensors(safetensorsBytes(header: header, data: data))
    }

    func safetensors(_ tensors: [String: TestTensor]) throws -> SafetensorsFile {
        var entries: [String] = []
        var data = Data()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let begin = data.count
            for value in tensor.values {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
            }
            entries.append(
                #""\#(name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(begin),\#(data.count)]}"#)
        }
        return try safetensors(header: "{\(entries.joined(separator: ","))}", data: data)
    }
}

func safetensorsBytes(header: String, data: Data = Data()) -> Data {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + data
}

struct TestTensor {
    var shape: [Int]
    var values: [Float]
}

extension SeededGenerator {
    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }

    mutating func tensor(_ shape: Int..., range: ClosedRange<Float> = -1...1) -> TestTensor {
        TestTensor(shape: shape, values: floats(shape.reduce(1, *), in: range))
    }
}

let shippedModel = Repository.root.appendingPathComponent("models/nih-pneumonia-1")

extension Tensor {
    /// For comparison to the bit: -0 and 0 differ.
    var bits: [UInt32] { values.map(\.bitPattern) }
}
