internal import CKernels

/// Probabilities from logits.
public enum Softmax {
    /// exp(logit - largest) / sum in double precision, with the engine's own exp (relative error below 4e-16): equal
    /// bits wherever it runs.
    /// - Parameter logits: at least one, all finite.
    public static func probabilities(_ logits: some Collection<Float>) -> [Double] {
        let logits = Array(logits)
        precondition(!logits.isEmpty, "softmax of no logits")
        return [Double](unsafeUninitializedCapacity: logits.count) { buffer, count in
            lv_softmax(logits, logits.count, buffer.baseAddress)
            count = logits.count
        }
    }
}
