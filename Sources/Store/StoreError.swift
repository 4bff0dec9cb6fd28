/// What the store refuses to do, or found amiss. Holds no patient's data.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure, stable across releases; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as it is written to reports.
        public let rawValue: String
        /// The code written as `rawValue`.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The checkpoint kept outside can't be read or written.
        public static let checkpointFile = Code(rawValue: "checkpoint_file")
        /// The ledger is not what it was: publication has stopped, and nothing is signed.
        public static let ledgerAlarm = Code(rawValue: "ledger_alarm")
        /// A key that the ledger does not know would sign.
        public static let unknownKey = Code(rawValue: "unknown_key")
        /// Too few witnesses answered.
        public static let missingCosignatures = Code(rawValue: "missing_cosignatures")
        /// The reader may not ask that.
        public static let denied = Code(rawValue: "denied")
    }

    /// The kind of failure.
    public let code: Code
    /// What, on what, and what to do.
    public let message: String

    /// A failure of these values.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
