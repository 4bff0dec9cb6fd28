/// A signing key came into use or went out of it.
public struct KeyRotationEntry: Sendable, Equatable, Codable {
    /// `log` or `witness`.
    public var role: String
    /// The verifier key that counts from here on.
    public var introduced: String?
    /// The verifier key that signs nothing after this.
    public var retired: String?
    /// `scheduled`, `compromised`, or words without personal data.
    public var reason: String?

    /// What happened, by these values.
    public init(
        role: String, introduced: String? = nil, retired: String? = nil, reason: String? = nil
    ) {
        self.role = role
        self.introduced = introduced
        self.retired = retired
        self.reason = reason
    }
}
