extension InferenceError.Code {
    /// A checkpoint breaks its format, or holds something that no state of a network needs.
    public static let malformedCheckpoint = InferenceError.Code(rawValue: "malformed-checkpoint")
}

/// Why a checkpoint can't be read; becomes an `InferenceError` that names the file.
struct CheckpointError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
