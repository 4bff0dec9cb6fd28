import DICOM
import Foundation
import TestSupport
import Testing

@Suite("DICOM over TLS", .enabled(if: NetworkTool.areInstalled, "needs the packages dcmtk and openssl"))
struct StorageTLSTests {
    private static let made = Result<TestCertificates, any Error> { try TestCertificates() }

    private func secureReceiver(mutual: Bool) throws -> (TestReceiver, TestCertificates) {
        let certificates = try Self.made.get()
        let receiver = try TestReceiver {
            $0.port = nil
            $0.tls = TLSConfiguration(
                certificate: certificates.path("server.pem"), privateKey: certificates.path("server.key"),
                trustedAuthorities: mutual ? certificates.path("authority.pem") : nil)
        }
        return (receiver, certificates)
    }

    private func client(
        _ receiver: TestReceiver, host: String = "127.0.0.1", _ tls: TLSConfiguration?
    ) throws -> StorageClient {
        var configuration = StorageClient.Configuration(
            host: host, port: receiver.server.securePort!, callingTitle: "SENDER", calledTitle: "LONGVIEW")
        configuration.tls = tls
        return try StorageClient(configuration)
    }

    @Test("DCMTK's storescu sends through TLS with certificates of both sides")
    func storescu() async throws {
        let (receiver, certificates) = try secureReceiver(mutual: true)
        let folder = try Folder()
        let file = try Sample.radiograph(rows: 300, columns: 300).file()
        let path = try folder.write("a.dcm", file)
        func send(_ name: String) throws -> ExternalProgram.Run {
            try NetworkTool.run(
                "storescu",
                ["+tls", certificates.path("\(name).key"), certificates.path("\(name).pem")]
                    + ["+cf", certificates.path("authority.pem"), "-aec", "LONGVIEW", "127.0.0.1"]
                    + ["\(receiver.server.securePort!)", path])
        }
        let run = try send("client")
        #expect(run.status == 0, "\(run.output)")
        #expect(receiver.files.map { PDU.dataset(of: $0) } == [PDU.dataset(of: file)])
        #expect(try send("intruder").status != 0)
        // Without TLS, and without a certificate.
        let plain = try NetworkTool.run(
            "echoscu", ["-aec", "LONGVIEW", "127.0.0.1", "\(receiver.server.securePort!)"])
        #expect(plain.status != 0)
        let anonymous = try NetworkTool.run(
            "echoscu",
            ["+tla", "+cf", certificates.path("authority.pem"), "-aec", "LONGVIEW", "127.0.0.1"]
                + ["\(receiver.server.securePort!)"])
        #expect(anonymous.status != 0)
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.ends.count { $0 == .tls } == 3)
        #expect(receiver.files.count == 1)
    }

    @Test("client and server know each other by their certificates, and by the server's name")
    func client() async throws {
        let (receiver, certificates) = try secureReceiver(mutual: true)
        let good = TLSConfiguration(
            certificate: certificates.path("client.pem"), privateKey: certificates.path("client.key"),
            trustedAuthorities: certificates.path("authority.pem"))
        #expect(try await client(receiver, good).echo() == .success)
        #expect(try await client(receiver, host: "localhost", good).echo() == .success)
        var nameless = good
        // 127.0.0.2 is this machine too, but not in the certificate.
        let elsewhere = try TestReceiver {
            $0.address = nil
            $0.port = nil
            $0.tls = TLSConfiguration(
                certificate: certificates.path("server.pem"), privateKey: certificates.path("server.key"))
        }
        await #expect { try await client(elsewhere, host: "127.0.0.2", good).echo() } throws: {
            ($0 as? AssociationError)?.code == .tls
        }
        nameless.checksHostName = false
        #expect(try await client(elsewhere, host: "127.0.0.2", nameless).echo() == .success)
        var wrongAuthority = good
        wrongAuthority.trustedAuthorities = certificates.path("stranger.pem")
        await #expect { try await client(receiver, wrongAuthority).echo() } throws: {
            ($0 as? AssociationError)?.code == .tls
        }
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(await elsewhere.server.stop(within: .seconds(60)))
    }

    @Test(
        "TLS 1.1 is not spoken, 1.2 and 1.3 are", arguments: [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)])
    func versions(_ version: (option: String, isSpoken: Bool)) async throws {
        let (receiver, certificates) = try secureReceiver(mutual: false)
        let run = try NetworkTool.run(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(receiver.server.securePort!)", version.option, "-CAfile"]
                + [certificates.path("authority.pem"), "-verify_return_error"])
        #expect(run.output.contains("Cipher is (NONE)") != version.isSpoken, "\(run.output)")
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("a connection that does not begin the handshake, or not with TLS, is cut")
    func halfOpen() async throws {
        let certificates = try Self.made.get()
        let receiver = try TestReceiver {
            $0.port = nil
            $0.acseTimeout = .milliseconds(500)
            $0.tls = TLSConfiguration(
                certificate: certificates.path("server.pem"), privateKey: certificates.path("server.key"))
        }
        let silent = try RawPeer(port: receiver.server.securePort!)
        let plain = try RawPeer(port: receiver.server.securePort!)
        plain.send(PDU.associateRequest())
        #expect(silent.receive() == nil)
        #expect(try await receiver.wait { Set($0.ends) == [.timedOut, .tls] })
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("files that can't be used are named")
    func badFiles() throws {
        let certificates = try Self.made.get()
        for (certificate, key, authorities, named) in [
            ("missing.pem", "server.key", nil, "missing.pem"), ("server.pem", "client.key", nil, "client.key"),
            ("server.pem", "missing.key", nil, "missing.key"), ("server.pem", "server.key", "server.csr", "server.csr"),
        ] {
            let error = #expect(throws: AssociationError.self) {
                try TestReceiver {
                    $0.tls = TLSConfiguration(
                        certificate: certificates.path(certificate), privateKey: certificates.path(key),
                        trustedAuthorities: authorities.map(certificates.path))
                }
            }
            #expect(error?.code == .tls)
            #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
        }
    }
}
