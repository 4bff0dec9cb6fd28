import CDCMTK

/// Why an association could not be had, or ended before its time.
public struct AssociationError: Error, Sendable, CustomStringConvertible {
    /// What happened, as a word that stays the same between releases.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The code as logged.
        public let rawValue: String

        /// A code from its logged form.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The code as logged.
        public var description: String { rawValue }

        /// There is no connection, or no address to listen on.
        public static let network = Code(rawValue: "network")
        /// The TLS handshake failed, or a certificate or key can't be used.
        public static let tls = Code(rawValue: "tls")
        /// The other side took too long.
        public static let timedOut = Code(rawValue: "timed_out")
        /// This side is stopping.
        public static let stopping = Code(rawValue: "stopping")
        /// There were too many connections that had not become associations.
        public static let tooManyConnections = Code(rawValue: "too_many_connections")
        /// The connection was closed without a release.
        public static let closed = Code(rawValue: "closed")
        /// The peer asked for release; this is how associations end.
        public static let released = Code(rawValue: "released")
        /// The peer aborted.
        public static let aborted = Code(rawValue: "aborted")
        /// The peer rejected the association.
        public static let rejected = Code(rawValue: "rejected")
        /// The peer sent something that the standard does not allow.
        public static let protocolError = Code(rawValue: "protocol_error")
        /// The peer accepted no presentation context for what was asked.
        public static let notAccepted = Code(rawValue: "not_accepted")
        /// DCMTK or another part of this installation is missing.
        public static let libraryUnusable = Code(rawValue: "library_unusable")
    }

    /// What happened.
    public let code: Code
    /// One sentence about it.
    public let message: String
    /// The peer's reasons, where it rejected the association.
    public let rejection: AssociationRejection?

    /// An error of `code`.
    public init(_ code: Code, _ message: String, rejection: AssociationRejection? = nil) {
        self.code = code
        self.message = message
        self.rejection = rejection
    }

    /// The sentence, and the reasons of a rejection.
    public var description: String { rejection.map { "\(message) \($0)" } ?? message }

    /// The one place where a status of the upper layer becomes an error.
    static func check(
        _ status: CDCMTK_code, _ message: CDCMTK_message, rejection: AssociationRejection? = nil
    ) throws(AssociationError) {
        let code: Code
        switch status {
        case CDCMTK_OK: return
        case CDCMTK_NETWORK_FAILED: code = .network
        case CDCMTK_TLS_FAILED: code = .tls
        case CDCMTK_TIMED_OUT: code = .timedOut
        case CDCMTK_INTERRUPTED: code = .stopping
        case CDCMTK_CLOSED: code = .closed
        case CDCMTK_RELEASED: code = .released
        case CDCMTK_ABORTED: code = .aborted
        case CDCMTK_REJECTED: code = .rejected
        case CDCMTK_LIBRARY_UNUSABLE: code = .libraryUnusable
        default: code = .protocolError
        }
        let text = withUnsafeBytes(of: message.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw AssociationError(code, text.isEmpty ? "the association failed (\(code))." : text, rejection: rejection)
    }
}
