/// The status of a DIMSE response (PS3.7 annex C, PS3.4 table B.2-1).
public struct DIMSEStatus: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The status as it is sent.
    public let rawValue: UInt16

    /// A status from its number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Success.
    public static let success = DIMSEStatus(rawValue: 0x0000)
    /// Refused: out of resources. The sender may try again later.
    public static let outOfResources = DIMSEStatus(rawValue: 0xA700)
    /// Error: the data set does not match the SOP class.
    public static let datasetMismatch = DIMSEStatus(rawValue: 0xA900)
    /// Error: cannot understand.
    public static let cannotUnderstand = DIMSEStatus(rawValue: 0xC000)
    /// Failure: the SOP instance UID is not one (PS3.7 C.5.9).
    public static let invalidSOPInstance = DIMSEStatus(rawValue: 0x0117)
    /// Refused: the SOP class is not the one that was negotiated (PS3.7 C.5.6).
    public static let sopClassNotSupported = DIMSEStatus(rawValue: 0x0122)
    /// Failure: an operation that is not offered (PS3.7 C.5.21).
    public static let unrecognisedOperation = DIMSEStatus(rawValue: 0x0211)

    /// Whether the object was stored but changed or doubted (B000, B006, B007).
    public var isWarning: Bool { rawValue >> 12 == 0xB || rawValue == 0x0001 }
    /// Whether the object was stored.
    public var isStored: Bool { self == .success || isWarning }

    /// Four hexadecimal digits, such as `A700`.
    public var description: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
