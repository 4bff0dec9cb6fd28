import Testing

/// Two certificate authorities, and what they issued, made anew with openssl: `authority` vouches for `server` and
/// `client`, `stranger` for `intruder`.
public struct TestCertificates: Sendable {
    private let folder: Folder

    /// New ones, good for two days, for localhost and 127.0.0.1.
    public init() throws {
        folder = try Folder()
        for authority in ["authority", "stranger"] {
            try openssl(
                ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(authority)"]
                    + ["-keyout", path("\(authority).key"), "-out", path("\(authority).pem")])
        }
        for (name, authority) in [("server", "authority"), ("client", "authority"), ("intruder", "stranger")] {
            try openssl(
                ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext"]
                    + ["subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path("\(name).key")]
                    + ["-out", path("\(name).csr")])
            try openssl(
                ["x509", "-req", "-in", path("\(name).csr"), "-days", "2", "-copy_extensions", "copy"]
                    + ["-CA", path("\(authority).pem"), "-CAkey", path("\(authority).key"), "-CAcreateserial"]
                    + ["-out", path("\(name).pem")])
        }
    }

    /// The path of a certificate (`.pem`), its request (`.csr`) or its key (`.key`).
    public func path(_ name: String) -> String { folder.path(name) }

    private func openssl(_ arguments: [String]) throws {
        let run = try ExternalProgram(path: "/usr/bin/openssl").run(arguments)
        try #require(run.status == 0, "openssl: \(run.output)")
    }
}
