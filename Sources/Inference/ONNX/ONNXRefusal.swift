extension InferenceError.Code {
    /// An ONNX file breaks its format.
    public static let malformedONNX = InferenceError.Code(rawValue: "malformed-onnx")
    /// An ONNX file holds something that this engine doesn't compute.
    public static let unsupportedONNX = InferenceError.Code(rawValue: "unsupported-onnx")
}

/// Why an ONNX file can't be imported; becomes an `InferenceError` that names the file.
struct ONNXRefusal: Error {
    let code: InferenceError.Code
    let message: String

    static func malformed(_ message: String) -> ONNXRefusal { ONNXRefusal(code: .malformedONNX, message: message) }

    static func unsupported(_ message: String) -> ONNXRefusal { ONNXRefusal(code: .unsupportedONNX, message: message) }
}
