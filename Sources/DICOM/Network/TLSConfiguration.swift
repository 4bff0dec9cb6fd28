import CDCMTK

/// Certificates and key of one side of a TLS connection; the profile is DICOM's Non-Downgrading BCP 195 TLS Profile
/// (PS3.15 B.10): TLS 1.2 or later.
public struct TLSConfiguration: Sendable {
    /// Path of a PEM file: this side's certificate, then those between it and a root. A client may have none.
    public var certificate: String?
    /// Path of a PEM file: the certificate's private key, not encrypted.
    public var privateKey: String?
    /// Path of a PEM file: the authorities that are trusted. With it, the other side must show a certificate that one
    /// of them vouches for; without it, nothing is asked of the other side.
    public var trustedAuthorities: String?
    /// Of a client: whether the server's certificate must be issued for the host that was connected to.
    public var checksHostName = true

    /// A configuration by the paths of its files.
    public init(certificate: String? = nil, privateKey: String? = nil, trustedAuthorities: String? = nil) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.trustedAuthorities = trustedAuthorities
    }
}

/// TLS settings as OpenSSL has them.
///
/// `@unchecked Sendable`: not changed once made, and OpenSSL counts references to it atomically.
final class TLSHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Reads the files. Throws ``AssociationError/Code/tls`` with the name of the one that can't be used.
    init(_ configuration: TLSConfiguration, isServer: Bool) throws(AssociationError) {
        guard !isServer || configuration.certificate != nil else {
            throw AssociationError(.tls, "a TLS server needs a certificate and its private key.")
        }
        var created: OpaquePointer?
        var message = CDCMTK_message()
        let files = [configuration.certificate, configuration.privateKey, configuration.trustedAuthorities]
        let status = files.map { $0 ?? "" }.withCStrings { paths in
            var files = CDCMTK_tls_files(
                certificate: configuration.certificate == nil ? nil : paths[0],
                key: configuration.privateKey == nil ? nil : paths[1],
                authorities: configuration.trustedAuthorities == nil ? nil : paths[2])
            return CDCMTK_tls_create(isServer ? 1 : 0, &files, &created, &message)
        }
        try AssociationError.check(status, message)
        pointer = created!
    }

    deinit { CDCMTK_tls_destroy(pointer) }
}
