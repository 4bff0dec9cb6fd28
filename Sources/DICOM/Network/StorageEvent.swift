/// The other side of an association.
public struct StoragePeer: Sendable, Hashable {
    /// Its address, in digits.
    public let address: String
    /// The AE title it gives itself, printable ASCII; anybody can claim any.
    public let callingTitle: String
    /// The AE title it called.
    public let calledTitle: String
    /// Its Implementation Class UID.
    public let implementationClassUID: String
    /// Its Implementation Version Name.
    public let implementationVersion: String
    /// Whether the connection is a TLS one.
    public let isSecure: Bool
}

/// What happens at a ``StorageServer``, for logs and counters. Holds nothing of patients and no instance UIDs.
public enum StorageEvent: Sendable {
    /// A connection did not become an association: a scan, a failed handshake, or there were too many at once.
    case connectionFailed(address: String, AssociationError)
    /// An association was rejected.
    case rejected(StoragePeer, AssociationRejection)
    /// An association was accepted.
    case accepted(StoragePeer)
    /// A C-ECHO was answered.
    case echoed(StoragePeer)
    /// A C-STORE was answered.
    case stored(StoragePeer, Store)
    /// An association ended; ``AssociationError/Code/released`` is the usual end. `objects` counts the answered C-STOREs.
    case ended(StoragePeer, AssociationError, objects: Int, duration: Duration)

    /// A C-STORE that was answered.
    public struct Store: Sendable {
        /// What was answered.
        public let status: DIMSEStatus
        /// The comment of a failure.
        public let comment: String?
        /// The SOP class of the presentation context.
        public let sopClassUID: String
        /// The transfer syntax of the presentation context.
        public let transferSyntaxUID: String
        /// Bytes of the data set.
        public let byteCount: Int
        /// From the command to the response.
        public let duration: Duration
    }
}
