import Foundation
import TestSupport
import Testing

/// A program that sends DICOM objects.
struct Peer: Sendable {
    let name: String
    var speaksTLS = true
    /// Sends the files of a call; returns the paths of those that it was told were stored.
    let send: @Sendable (PeerSite.Call) async throws -> Set<String>

    static let areInstalled =
        (["storescu", "dcmsend", "openssl"] + TestRadiograph.Encoding.allCases.compactMap(\.tool?.name))
        .allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/" + $0) }

    static let python = PythonPackages.interpreter(importing: "pynetdicom")

    static let dcmtk = [
        Peer(name: "STORESCU") { call in
            // One process a file: each proposes one compressed transfer syntax besides those without compression.
            try await withThrowingTaskGroup(of: String?.self) { group in
                for radiograph in call.radiographs {
                    group.addTask {
                        let run = try await ExternalProgram(path: "/usr/bin/storescu").runConcurrently(
                            titles(call) + [radiograph.encoding.storescuOption] + tls(call)
                                + ["127.0.0.1", "\(call.port)", radiograph.path])
                        return run.status == 0 ? radiograph.path : nil
                    }
                }
                return try await group.reduce(into: []) { if let path = $1 { $0.insert(path) } }
            }
        },
        Peer(name: "DCMSEND", speaksTLS: false) { call in
            let paths = call.radiographs.map(\.path)
            let run = try await ExternalProgram(path: "/usr/bin/dcmsend").runConcurrently(
                titles(call) + ["127.0.0.1", "\(call.port)"] + paths)
            return run.status == 0 ? Set(paths) : []
        },
    ]

    private static func titles(_ call: PeerSite.Call) -> [String] { ["-aet", call.title, "-aec", "LONGVIEW"] }

    private static func tls(_ call: PeerSite.Call) -> [String] {
        guard let credentials = call.credentials else { return [] }
        return ["+tls", credentials.key, credentials.certificate, "+cf", credentials.authority]
    }

    static let pynetdicom = Peer(name: "PYNETDICOM") { call in
        let script = """
            import ssl, sys, pydicom
            from pynetdicom import AE
            title, port, key, certificate, authority, *paths = sys.argv[1:]
            ae = AE(title)
            datasets = [pydicom.dcmread(path) for path in paths]
            for dataset in datasets:
                ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
            tls = None
            if key:
                context = ssl.create_default_context(cafile=authority)
                context.load_cert_chain(certificate, key)
                tls = (context, "localhost")
            association = ae.associate("127.0.0.1", int(port), ae_title="LONGVIEW", tls_args=tls)
            if not association.is_established:
                sys.exit(1)
            for path, dataset in zip(paths, datasets):
                if association.send_c_store(dataset).Status == 0:
                    print(path)
            association.release()
            """
        let credentials = call.credentials
        let run = try await #require(python).runConcurrently(
            ["-c", script, call.title, "\(call.port)"]
                + [credentials?.key ?? "", credentials?.certificate ?? "", credentials?.authority ?? ""]
                + call.radiographs.map(\.path))
        return Set(run.output.split(separator: "\n").map(String.init)).intersection(call.radiographs.map(\.path))
    }

    /// `longview send`.
    static func longview(_ longview: Installation) -> Peer {
        Peer(name: "LONGVIEW") { call in
            let options = call.credentials.map {
                ["--tls", "--tls-key", $0.key, "--tls-certificate", $0.certificate, "--tls-authorities", $0.authority]
            }
            return try await longview.send(
                call.radiographs.map(\.path), to: call.port, as: call.title, options ?? []
            ).acknowledged
        }
    }

    /// An Orthanc that routes by the patient's identifier. It is not told what becomes of an object that it sends on.
    static func orthanc(_ orthanc: Orthanc) -> Peer {
        Peer(name: "ORTHANC") { call in
            for radiograph in call.radiographs {
                try await orthanc.store(Data(contentsOf: URL(fileURLWithPath: radiograph.path)))
            }
            return Set(call.radiographs.map(\.path))
        }
    }
}
