import CDCMTK

/// Unique identifiers (PS3.5 chapter 9).
public enum DICOMUID {
    /// Longview's Implementation Class UID, from the UUID 11fcafc0-d274-4de5-b735-e58cfa523e82.
    public static let implementationClass = CDCMTK_IMPLEMENTATION_CLASS
    /// Computed Radiography Image Storage.
    public static let computedRadiographyImageStorage = "1.2.840.10008.5.1.4.1.1.1"
    /// Digital X-Ray Image Storage - For Presentation.
    public static let digitalXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.1.1"
    /// Secondary Capture Image Storage.
    public static let secondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7"
    /// Explicit VR Little Endian.
    public static let explicitLittleEndian = TransferSyntax.explicitLittleEndian.uid

    /// A new identifier under 2.25 from a random UUID (PS3.5 B.2, RFC 9562 version 4).
    public static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return identifier(generator.next(), generator.next(), version: 4)
    }

    /// The identifier number `index` of the series that `seed` starts: always the same, for synthetic data.
    ///
    /// Under 2.25, from a UUID of RFC 9562 version 8 whose bits are SplitMix64 of seed and index.
    public static func deterministic(seed: UInt64, index: UInt64) -> String {
        let first = mixed(seed)
        return identifier(first, mixed(first ^ mixed(index)), version: 8)
    }

    /// Whether `text` is a well-formed identifier: components of digits without leading zeros, at most 64 characters.
    public static func isValid(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 64 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { component in
            !component.isEmpty && component.utf8.allSatisfy { (48...57).contains($0) }
                && (component.utf8.count == 1 || component.first != "0")
        }
    }

    private static func identifier(_ high: UInt64, _ low: UInt64, version: UInt64) -> String {
        let versioned = high & ~0xF000 | version << 12
        let variant = low & ~(3 << 62) | 2 << 62
        return "2.25.\(UInt128(versioned) << 64 | UInt128(variant))"
    }

    /// One step of SplitMix64 (Steele, Lea, Flood 2014), a bijection.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
