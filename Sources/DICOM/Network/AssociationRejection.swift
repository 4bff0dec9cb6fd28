/// Why an association request was rejected (PS3.8 table 9-21).
public struct AssociationRejection: Hashable, Sendable, CustomStringConvertible {
    /// Whether the requestor may try again later.
    public let isTransient: Bool
    /// 1: service user; 2: service provider (ACSE); 3: service provider (presentation).
    public let source: Int
    /// The reason, whose meaning depends on the source.
    public let reason: Int

    /// A rejection by its numbers.
    public init(isTransient: Bool, source: Int, reason: Int) {
        self.isTransient = isTransient
        self.source = source
        self.reason = reason
    }

    /// The calling AE title is not one that may call, or not from this address.
    public static let callingTitleNotRecognised = AssociationRejection(isTransient: false, source: 1, reason: 3)
    /// The called AE title is not this one's.
    public static let calledTitleNotRecognised = AssociationRejection(isTransient: false, source: 1, reason: 7)
    /// Nothing can be taken in just now.
    public static let temporaryCongestion = AssociationRejection(isTransient: true, source: 3, reason: 1)
    /// There are as many associations as are allowed.
    public static let localLimitExceeded = AssociationRejection(isTransient: true, source: 3, reason: 2)

    /// The standard's words.
    public var description: String {
        let text =
            switch (source, reason) {
            case (1, 2): "application context name not supported"
            case (1, 3): "calling AE title not recognised"
            case (1, 7): "called AE title not recognised"
            case (2, 2): "protocol version not supported"
            case (3, 1): "temporary congestion"
            case (3, 2): "local limit exceeded"
            default: "no reason given"
            }
        return "rejected-\(isTransient ? "transient" : "permanent"): \(text)"
    }
}
