/// How a data set and its pixel data are encoded (PS3.5 chapter 10 and annex A).
struct TransferSyntax: Hashable, Sendable {
    /// What turns the pixel data into samples.
    enum PixelCoding: Sendable {
        /// Samples as they are.
        case native
        /// Samples as they are, one fragment or more a frame (PS3.5 A.4.11).
        case encapsulatedUncompressed
        case rle
        case jpeg
        case jpegLS
        case jpeg2000
        /// A transfer syntax Longview does not decode; its header can be read.
        case unsupported
    }

    let uid: String
    var isExplicit = true
    var isBigEndian = false
    var isDeflated = false
    var coding = PixelCoding.native

    static let implicitLittleEndian = TransferSyntax(uid: "1.2.840.10008.1.2", isExplicit: false)
    static let explicitLittleEndian = TransferSyntax(uid: "1.2.840.10008.1.2.1")
    static let explicitBigEndian = TransferSyntax(uid: "1.2.840.10008.1.2.2", isBigEndian: true)

    /// The transfer syntax of `uid`. Every one that the standard added since 1993 encodes the data set as explicit
    /// little endian, so an unknown one is read as that.
    init(uid: String) {
        switch uid {
        case Self.implicitLittleEndian.uid: self = .implicitLittleEndian
        case Self.explicitBigEndian.uid: self = .explicitBigEndian
        default:
            self.init(uid: uid, isDeflated: uid == "1.2.840.10008.1.2.1.99", coding: Self.coding(of: uid))
        }
    }

    private init(
        uid: String, isExplicit: Bool = true, isBigEndian: Bool = false, isDeflated: Bool = false,
        coding: PixelCoding = .native
    ) {
        self.uid = uid
        self.isExplicit = isExplicit
        self.isBigEndian = isBigEndian
        self.isDeflated = isDeflated
        self.coding = coding
    }

    /// Every transfer syntax whose pixel data Longview decodes.
    static let decodable = [
        "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53",
        "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201",
        "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.5",
    ]

    private static func coding(of uid: String) -> PixelCoding {
        switch uid {
        case "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99": .native
        case "1.2.840.10008.1.2.1.98": .encapsulatedUncompressed
        case "1.2.840.10008.1.2.5": .rle
        // Baseline, extended, lossless (process 14 and its selection value 1), and the retired spectral selection and
        // full progression, which old archives still hold.
        case "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55",
            "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70":
            .jpeg
        case "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81": .jpegLS
        // JPEG 2000, and high-throughput JPEG 2000 (lossless, lossless RPCL, lossy).
        case "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
            "1.2.840.10008.1.2.4.203":
            .jpeg2000
        default: .unsupported
        }
    }

    /// Whether the standard has withdrawn it: what its encoders did can no longer be looked up in the current edition.
    var isRetired: Bool {
        ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"].contains(uid)
    }

    /// Whether Pixel Data is a sequence of fragments.
    var isEncapsulated: Bool { coding != .native && coding != .unsupported }
}
