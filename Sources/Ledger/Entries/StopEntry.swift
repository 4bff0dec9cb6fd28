/// A part of Longview ended.
public struct StopEntry: Sendable, Equatable, Codable {
    /// As in its start.
    public var component: String
    /// As in its start.
    public var processID: Int
    /// `requested`, `failed`, or `lost` where another process found it gone.
    public var reason: String

    /// What happened, by these values.
    public init(
        component: String, processID: Int, reason: String
    ) {
        self.component = component
        self.processID = processID
        self.reason = reason
    }
}
