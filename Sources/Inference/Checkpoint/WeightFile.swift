public import Foundation

/// The kinds of files with weights, told apart by how they begin.
public enum WeightFile: Sendable {
    /// A JSON object after 8 bytes of its length.
    case safetensors
    /// A zip archive, or a stream of pickles.
    case torch
    /// A protobuf message whose first field is its format's version; or whatever is called `.onnx`.
    case onnx

    /// The kind of the file at `url`.
    /// - Throws: `InferenceError` (`unreadable`).
    public init(_ url: URL) throws(InferenceError) {
        guard let handle = try? FileHandle(forReadingFrom: url), let start = try? handle.read(upToCount: 9) else {
            throw InferenceError(.unreadable, "\(url.lastPathComponent) can't be read")
        }
        if url.pathExtension.lowercased() == "onnx" {
            self = .onnx
        } else if start.count == 9 && start[8] == UInt8(ascii: "{") {
            self = .safetensors
        } else {
            // Field 1 as a number: the IR version.
            self = start.first == 0x08 ? .onnx : .torch
        }
    }
}
