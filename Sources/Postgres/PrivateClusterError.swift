/// Why the private cluster could not be created, started or stopped.
public struct PrivateClusterError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. New ones may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as logs and JSON show it.
        public var rawValue: String

        /// The code of a name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// PostgreSQL's programs were not found.
        public static let notInstalled = Code(rawValue: "not_installed")
        /// The data folder belongs to another major version of PostgreSQL.
        public static let versionMismatch = Code(rawValue: "version_mismatch")
        /// A folder can't be made, reached or trusted.
        public static let unusableFolder = Code(rawValue: "unusable_folder")
        /// initdb failed.
        public static let creationFailed = Code(rawValue: "creation_failed")
        /// The server did not come up.
        public static let startFailed = Code(rawValue: "start_failed")
        /// The server did not go down.
        public static let stopFailed = Code(rawValue: "stop_failed")
        /// A program could not be run, or a name is not one PostgreSQL takes.
        public static let failed = Code(rawValue: "failed")
    }

    /// The kind of failure.
    public var code: Code
    /// What happened and what to do.
    public var message: String
    /// The error that led to this one.
    public var underlying: (any Error)?

    /// An error of a kind, with its message.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
