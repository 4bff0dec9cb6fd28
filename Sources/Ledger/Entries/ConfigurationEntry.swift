/// Settings changed.
public struct ConfigurationEntry: Sendable, Equatable, Codable {
    /// One setting's change.
    public struct Setting: Sendable, Equatable, Codable {
        /// The setting's name.
        public var name: String
        /// Its value before; absent where it was not set, or is secret.
        public var before: String?
        /// Its value now; absent where it is not set, or is secret.
        public var after: String?
        /// Whether the values are secret, and so left out.
        public var isSecret: Bool

        /// A change of one setting.
        public init(name: String, before: String?, after: String?, isSecret: Bool = false) {
            self.name = name
            self.before = isSecret ? nil : before
            self.after = isSecret ? nil : after
            self.isSecret = isSecret
        }
    }

    /// Each setting that changed.
    public var settings: [Setting]

    /// What happened, by these values.
    public init(
        settings: [Setting]
    ) {
        self.settings = settings
    }
}
