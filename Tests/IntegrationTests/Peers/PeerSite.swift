import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// An installation that serves a port with TLS and one without, and those who call it.
final class PeerSite {
    let longview: Installation
    private let certificates: TestCertificates
    private let server: Installation.Running
    private let port: UInt16
    private let securePort: UInt16
    /// Radiographs so far.
    private var count = 0

    /// What one peer sends, and where to.
    struct Call: Sendable {
        let peer: Peer
        /// The calling AE title, which is the patient's identifier as well.
        let title: String
        let port: UInt16
        /// For TLS.
        let credentials: Credentials?
        let radiographs: [TestRadiograph]
    }

    /// Paths of PEM files.
    struct Credentials: Sendable {
        let key, certificate, authority: String
    }

    init() async throws {
        var longview = try await Installation.ready(privateCluster: true, active: true)
        // Connections that come to nothing are told.
        longview.environment["LOG_LEVEL"] = "info"
        self.longview = longview
        certificates = try TestCertificates()
        (server, port) = try await ServeTests.serve(
            longview, "--tls-port", "0", "--tls-certificate", certificates.path("server.pem"), "--tls-key",
            certificates.path("server.key"), "--tls-authorities", certificates.path("authority.pem"))
        securePort = try await longview.listeningPort(of: server, after: "LONGVIEW listens on port \(port) and ")
    }

    // MARK: Callers

    /// One radiograph in each encoding.
    func call(from peer: Peer, isSecure: Bool) throws -> Call {
        try call(peer, title: isSecure ? peer.name + "_TLS" : peer.name, as: isSecure ? "client" : nil)
    }

    /// As ``call(from:isSecure:)``, with a certificate of an authority that is not trusted.
    func intruder(_ peer: Peer) throws -> Call { try call(peer, title: "INTRUDER", as: "intruder") }

    private func call(_ peer: Peer, title: String, as owner: String?) throws -> Call {
        var radiographs: [TestRadiograph] = []
        for encoding in TestRadiograph.Encoding.allCases {
            count += 1
            radiographs.append(try TestRadiograph(count, of: title, encoding, in: longview))
        }
        return Call(
            peer: peer, title: title, port: owner == nil ? port : securePort,
            credentials: owner.map {
                Credentials(
                    key: certificates.path($0 + ".key"), certificate: certificates.path($0 + ".pem"),
                    authority: certificates.path("authority.pem"))
            }, radiographs: radiographs)
    }

    /// An Orthanc that sends on what it gets, with or without TLS as the patient's identifier says.
    func orthanc() async throws -> Orthanc {
        let ports = ["ORTHANC": port, "ORTHANC_TLS": securePort]
        let modalities = ports.map { title, port in
            let modality: [String: Any] = [
                "AET": "LONGVIEW", "Host": "127.0.0.1", "Port": Int(port), "LocalAet": title,
                "UseDicomTls": port == securePort,
            ]
            return (title, modality)
        }
        return try await Orthanc(
            longview, routingTo: "tags.PatientID",
            [
                "DicomModalities": Dictionary(uniqueKeysWithValues: modalities),
                "DicomTlsCertificate": certificates.path("client.pem"),
                "DicomTlsPrivateKey": certificates.path("client.key"),
                "DicomTlsTrustedCertificates": certificates.path("authority.pem"),
            ])
    }

    // MARK: What came of it

    /// Connections whose certificate was not believed.
    var disbelieved: Int { server.errors.split(separator: "\n").count { $0.contains("certificate verify failed") } }

    /// An object as the database has it.
    private struct Kept: Hashable {
        var sopInstanceUID, patient, caller, via, transferSyntaxUID: String
        var scores: Int
    }

    /// Waits until all is scored, ends the server, and holds what is recorded against what was sent.
    func checkAndEnd(_ calls: [Call]) async throws {
        let sent = calls.flatMap { call in
            call.radiographs.map {
                Kept(
                    sopInstanceUID: $0.sopInstanceUID, patient: call.title, caller: call.title, via: "dicom",
                    transferSyntaxUID: $0.encoding.transferSyntaxUID, scores: 1)
            }
        }
        try await longview.wait("not all was scored: \(server.errors)") { [longview] in
            try await longview.run("scores", "--json", "--limit", "1000").objects.count == sent.count
        }
        try await longview.wait { [longview] in try await longview.queueLength() == 0 }
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors)")
        try await longview.checkRecords(sent.count)
        #expect(try await kept() == sent.sorted(by: Self.order))
        let intakes = try await longview.run("audit", "log", "--action", "intake", "--json", "--limit", "1000").objects
        let callers = intakes.compactMap {
            (($0["entry"] as? [String: Any])?["body"] as? [String: Any])?["calling_ae_title"] as? String
        }
        #expect(callers.sorted() == sent.map(\.caller).sorted())
        print("\(calls.count) calls at once: \(calls.map(\.title).joined(separator: ", ")); \(sent.count) objects")
        _ = try await longview.run("db", "stop")
    }

    private static func order(_ one: Kept, _ other: Kept) -> Bool { one.sopInstanceUID < other.sopInstanceUID }

    /// Every intake.
    private func kept() async throws -> [Kept] {
        let database = try await PostgresConfiguration(url: longview.databaseURL())
        let rows = try await PostgresConnection.with(database, logger: TestLog.silent) {
            try await $0.query(
                """
                SELECT o.sop_instance_uid, o.patient_id, o.transfer_syntax_uid, i.calling_ae, i.via,
                       (SELECT count(*) FROM longview.inferences f WHERE f.object_sha256 = o.sha256) AS scores
                FROM longview.intakes i JOIN longview.objects o ON o.sha256 = i.object_sha256
                """)
        }
        return try rows.map {
            Kept(
                sopInstanceUID: try $0["sop_instance_uid"], patient: try $0["patient_id"], caller: try $0["calling_ae"],
                via: try $0["via"], transferSyntaxUID: try $0["transfer_syntax_uid"], scores: try $0["scores"])
        }.sorted(by: Self.order)
    }
}
