/// A part of Longview began to work.
public struct StartEntry: Sendable, Equatable, Codable {
    /// `worker`, `receiver`, `publisher`…
    public var component: String
    /// The operating system's number of the process.
    public var processID: Int
    /// The identity of the arithmetic, where it scores.
    public var engineVersion: String?
    /// The instruction set, where it scores.
    public var kernels: String?
    /// SHA-256 of the settings in force, as canonical JSON.
    public var configurationSHA256: MerkleHash?

    /// What happened, by these values.
    public init(
        component: String, processID: Int, engineVersion: String? = nil, kernels: String? = nil,
        configurationSHA256: MerkleHash? = nil
    ) {
        self.component = component
        self.processID = processID
        self.engineVersion = engineVersion
        self.kernels = kernels
        self.configurationSHA256 = configurationSHA256
    }
}
