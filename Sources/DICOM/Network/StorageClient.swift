import CDCMTK
import Foundation

/// A storage SCU (PS3.4 annex B), with verification (annex A): sends DICOM files as they are.
///
/// Everything happens on threads of its own; Swift's cooperative ones are never blocked.
public struct StorageClient: Sendable {
    /// Whom to call, as whom, and how long to wait.
    public struct Configuration: Sendable {
        /// The name of the host, or its IPv4 address.
        public var host: String
        /// The port.
        public var port: UInt16
        /// The AE title to call as.
        public var callingTitle: String
        /// The AE title to call.
        public var calledTitle: String
        /// Where the connection is to be a TLS one.
        public var tls: TLSConfiguration?
        /// From the TCP connection to the answer to the request of an association, and for a release; a connection
        /// itself has 30 s.
        public var acseTimeout = Duration.seconds(30)
        /// For the peer to take what is sent, and then to answer.
        public var dimseTimeout = Duration.seconds(120)
        /// The longest PDU to receive, from 4,096 to 131,072 bytes.
        public var maximumPDU = 131_072

        /// A configuration with the default time-outs.
        public init(host: String, port: UInt16, callingTitle: String, calledTitle: String) {
            self.host = host
            self.port = port
            self.callingTitle = callingTitle
            self.calledTitle = calledTitle
        }
    }

    /// What became of one file.
    public struct Result: Sendable {
        /// The file's path.
        public let path: String
        /// SOP Instance UID, where the file could be read.
        public let sopInstanceUID: String?
        /// The transfer syntax, where the file could be read.
        public let transferSyntaxUID: String?
        /// What the peer answered; nil where the file was not sent.
        public let status: DIMSEStatus?
        /// Why it was not sent, or what the peer said beside its status.
        public let message: String?
    }

    private let configuration: Configuration
    private let tls: TLSHandle?

    /// A client. Throws ``AssociationError``: `tls` where a certificate or key can't be used, `network` where a title or
    /// a limit is not one.
    public init(_ configuration: Configuration) throws(AssociationError) {
        for title in [configuration.callingTitle, configuration.calledTitle] {
            guard DICOMValueRules.complaint(about: title, "AE") == nil, !title.allSatisfy({ $0 == " " }) else {
                throw AssociationError(.network, "an AE title has 1 to 16 characters of ASCII, no backslash.")
            }
        }
        try AssociationHandle.check(maximumPDU: configuration.maximumPDU)
        self.configuration = configuration
        tls = if let tls = configuration.tls { try TLSHandle(tls, isServer: false) } else { nil }
    }

    /// C-ECHO: whether the peer is there and takes associations. Throws ``AssociationError``.
    public func echo() async throws -> DIMSEStatus {
        try await Self.onThread { () throws(AssociationError) in
            let context = AssociationHandle.Context(
                abstractSyntaxUID: DICOMUID.verification,
                transferSyntaxUID: TransferSyntax.implicitLittleEndian.uid)
            let handle = try AssociationHandle(configuration, tls: tls, proposals: [context])
            guard handle.context(1) != nil else {
                handle.abort()
                throw AssociationError(.notAccepted, "the peer does not take C-ECHO.")
            }
            var command = DIMSECommand(field: DIMSECommand.Field.echoRequest)
            command.messageID = 1
            command.affectedSOPClassUID = DICOMUID.verification
            let response = try handle.exchange(command, context: 1, within: configuration.dimseTimeout)
            try? handle.release(within: configuration.acseTimeout)
            return response.status ?? .cannotUnderstand
        }
    }

    /// Sends files, each in its own transfer syntax, in one association, and calls `report` for each as it is done.
    ///
    /// A file that can't be read or is not accepted does not keep the others from being sent. Throws
    /// ``AssociationError`` where the association can't be had at all; one that ends early is the message of the files
    /// that were not sent any more.
    public func send(
        _ paths: [String], report: @escaping @Sendable (Result) -> Void = { _ in }
    ) async throws -> [Result] {
        try await Self.onThread { () throws(AssociationError) in
            try StorageSending(configuration: configuration, tls: tls, paths: paths, report: report).run()
        }
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(AssociationError) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                do throws(AssociationError) {
                    continuation.resume(returning: try body())
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
