/// The numbers that a model's feature maps and convolutions are computed in.
public enum Arithmetic: String, Codable, Sendable {
    /// IEEE single precision throughout.
    case float32
    /// Feature maps of 8 bits without sign, weights of 8 bits with, exact sums of 32; vectors in float32.
    case int8
}
