import Foundation
import FoundationNetworking
import Glibc
import TestSupport
import Testing

@Suite("With a real PACS")
struct OrthancTests {
    private static let program = "/usr/sbin/Orthanc"

    @Test(
        "what Orthanc gets it routes here by itself, and each has one score",
        .enabled(if: access(program, X_OK) == 0, "needs Debian's orthanc, which scripts/test installs"))
    func autoRouting() async throws {
        let longview = try await Installation.ready(privateCluster: true, active: true)
        let (server, port) = try await ServeTests.serve(longview)

        let ports = try [SilentListener(accepts: false), SilentListener(accepts: false)]
        for port in ports { port.close() }
        let (web, dicom) = (ports[0].port, ports[1].port)
        let script = try longview.write(
            "route.lua",
            Array(
                """
                function OnStoredInstance(instance, tags, metadata)
                    SendToModality(instance, 'longview')
                end
                """.utf8))
        let configuration = try longview.write(
            "orthanc.json",
            Array(
                """
                {"Name": "test", "StorageDirectory": "\(longview.path("orthanc"))",
                 "IndexDirectory": "\(longview.path("orthanc"))", "HttpPort": \(web), "DicomPort": \(dicom),
                 "DicomAet": "ORTHANC", "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
                 "LuaScripts": ["\(script)"], "DicomModalities": {"longview": ["LONGVIEW", "127.0.0.1", \(port)]}}
                """.utf8))
        let orthanc = Process()
        orthanc.executableURL = URL(fileURLWithPath: Self.program)
        orthanc.arguments = [configuration]
        orthanc.standardOutput = FileHandle.nullDevice
        orthanc.standardError = FileHandle.nullDevice
        try orthanc.run()
        defer { if orthanc.isRunning { kill(orthanc.processIdentifier, SIGKILL) } }
        let base = "http://127.0.0.1:\(web)"
        try await longview.wait("Orthanc does not answer") {
            let system = try #require(URL(string: base + "/system"))
            return (try? await URLSession.shared.data(from: system)) != nil
        }
        let count = 5
        for number in 0..<count {
            var request = URLRequest(url: try #require(URL(string: base + "/instances")))
            request.httpMethod = "POST"
            request.httpBody = Data(try SmallRadiograph.file(number))
            let (_, response) = try await URLSession.shared.data(for: request)
            #expect((response as? HTTPURLResponse)?.statusCode == 200)
        }
        try await longview.wait("not all was routed and scored: \(server.errors)") {
            try await longview.run("scores", "--json").objects.count == count
        }
        let intakes = try await longview.run("audit", "log", "--action", "intake", "--json").objects
        let callers = intakes.compactMap {
            (($0["entry"] as? [String: Any])?["body"] as? [String: Any])?["calling_ae_title"] as? String
        }
        #expect(callers == Array(repeating: "ORTHANC", count: count))
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors)")
        _ = try await longview.run("db", "stop")
    }
}
