import Foundation
import Glibc
import TestSupport
import Testing

@Suite("With a real PACS")
struct OrthancTests {
    @Test(
        "what Orthanc gets it routes here by itself, and each has one score",
        .enabled(if: Orthanc.isInstalled, "needs Debian's orthanc, which scripts/test installs"))
    func autoRouting() async throws {
        let longview = try await Installation.ready(privateCluster: true, active: true)
        let (server, port) = try await ServeTests.serve(longview)
        let orthanc = try await Orthanc(
            longview, routingTo: "'longview'", ["DicomModalities": ["longview": ["LONGVIEW", "127.0.0.1", port]]])
        let count = 5
        for number in 0..<count { try await orthanc.store(Data(try SmallRadiograph.file(number))) }
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
