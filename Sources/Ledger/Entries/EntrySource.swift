/// Where it was recorded: A.5's audit source.
public struct EntrySource: Sendable, Equatable, Codable {
    /// The machine.
    public var host: String
    /// The program: `longview`.
    public var program: String
    /// Its version.
    public var version: String
    /// The enterprise site, where one is configured.
    public var site: String?

    /// What happened, by these values.
    public init(
        host: String, program: String, version: String, site: String? = nil
    ) {
        self.host = host
        self.program = program
        self.version = version
        self.site = site
    }
}
