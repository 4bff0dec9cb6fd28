extension StorageServer {
    /// An application entity that may call.
    public struct Caller: Sendable, Hashable {
        /// Its AE title.
        public var title: String
        /// The address it must call from, in digits; nil where any will do.
        public var address: String?

        /// A caller by its title, and its address where that is to be checked.
        public init(title: String, address: String? = nil) {
            self.title = title
            self.address = address
        }
    }

    /// How to listen, whom to listen to, and for how long.
    public struct Configuration: Sendable {
        /// The AE title that has to be called.
        public var title = "LONGVIEW"
        /// The address to listen on, in digits; nil for all, of IPv4 and IPv6.
        public var address: String?
        /// The port without TLS; 0 for any free one, nil for none.
        public var port: UInt16? = 11112
        /// The port with TLS, where `tls` is there; 0 for any free one.
        public var securePort: UInt16 = 2762
        /// Certificate and key for `securePort`.
        public var tls: TLSConfiguration?
        /// Who may call; nil for anybody.
        public var callers: [Caller]? = []

        /// Associations at once.
        public var maximumAssociations = 25
        /// Associations at once of one calling AE title and address.
        public var maximumAssociationsPerCaller = 10
        /// Connections at once that have not become associations; half of them at most from one address.
        public var maximumPendingConnections = 50
        /// Bytes of the data set of an object; a longer one is answered with A700.
        public var maximumObjectBytes = 1 << 30
        /// The longest PDU to receive, from 4,096 to 131,072 bytes.
        public var maximumPDU = 131_072

        /// From the connection to the request of an association, TLS handshake included (ARTIM, PS3.8 9.1.5).
        public var acseTimeout = Duration.seconds(30)
        /// Between messages of an association.
        public var idleTimeout = Duration.seconds(300)
        /// Between pieces of a message, and for the peer to take a response.
        public var dimseTimeout = Duration.seconds(60)
        /// Bytes a second that a data set must come at, on the whole, after the first ``dimseTimeout``.
        public var minimumRate = 4096

        /// The defaults.
        public init() {}
    }

    /// SOP classes that are accepted for storage (PS3.4 B.5).
    public static let sopClassUIDs = [
        DICOMUID.computedRadiographyImageStorage, DICOMUID.digitalXRayImageStorageForPresentation,
        "1.2.840.10008.5.1.4.1.1.1.1.1",  // Digital X-Ray Image Storage - For Processing
        DICOMUID.secondaryCaptureImageStorage,
        "1.2.840.10008.5.1.4.1.1.7.2",  // Multi-frame Grayscale Byte Secondary Capture Image Storage
        "1.2.840.10008.5.1.4.1.1.7.3",  // Multi-frame Grayscale Word Secondary Capture Image Storage
        "1.2.840.10008.5.1.4.1.1.7.4",  // Multi-frame True Color Secondary Capture Image Storage
        "1.2.840.10008.5.1.4.1.1.12.1",  // X-Ray Angiographic Image Storage
        "1.2.840.10008.5.1.4.1.1.12.2",  // X-Ray Radiofluoroscopic Image Storage
    ]

    /// Transfer syntaxes that are accepted: all that Longview decodes.
    public static var transferSyntaxUIDs: [String] { TransferSyntax.decodable }
}

extension DICOMUID {
    /// Verification SOP Class (C-ECHO).
    static let verification = "1.2.840.10008.1.1"
}
