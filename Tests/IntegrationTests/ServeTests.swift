import Foundation
import FoundationNetworking
import Glibc
import TestSupport
import Testing

@Suite("Serving")
struct ServeTests {
    /// `longview serve` on a port of its own, once it listens.
    static func serve(
        _ longview: Installation, _ more: String...
    ) async throws -> (server: Installation.Running, port: UInt16) {
        let server = try Installation.Running(
            longview, ["serve", "--any-caller", "--port", "0", "--http", "127.0.0.1:0"] + more)
        return (server, try await longview.listeningPort(of: server))
    }

    /// Stores an object by STOW-RS (PS3.18, section 10.5); the status of the answer.
    static func store(_ object: Data, to port: UInt16, token: String) async throws -> Int {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/studies")))
        request.httpMethod = "POST"
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue(
            "multipart/related; type=\"application/dicom\"; boundary=part", forHTTPHeaderField: "Content-Type")
        var body = Data("--part\r\nContent-Type: application/dicom\r\n\r\n".utf8)
        body += object
        body += Data("\r\n--part--\r\n".utf8)
        request.httpBody = body
        let (_, response) = try await URLSession.shared.data(for: request)
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }

    @Test("what is sent is stored, scored and published by one command, and it ends in order")
    func serves() async throws {
        let longview = try await Installation.ready(privateCluster: true, active: true)
        let paths = try (0..<4).map { try longview.write("in/\($0).dcm", try SmallRadiograph.file($0)) }
        let token = String(repeating: "t0k3n", count: 8)
        let tokens = try longview.write("tokens", Array("ris \(token)\n".utf8))
        chmod(tokens, 0o600)
        let (server, port) = try await Self.serve(longview, "--tokens", tokens)
        let web = try await longview.listeningPort(of: server, after: "HTTP on port ")
        let last = try Data(contentsOf: URL(fileURLWithPath: paths[3]))
        #expect(try await longview.send(Array(paths.dropLast()), to: port).acknowledged.count == 3)
        // The last one by STOW-RS, from a stranger first.
        #expect(try await Self.store(last, to: web, token: "wrong") == 401)
        #expect(try await Self.store(last, to: web, token: token) == 200)
        // The same again: stored, and nothing new.
        #expect(try await longview.send([paths[0]], to: port).acknowledged.count == 1)
        try await longview.wait("not all was scored: \(server.errors)") { try await longview.queueLength() == 0 }
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors)")
        try await longview.checkRecords(4)
        let log = try await longview.run("audit", "log", "--action", "intake", "--json").objects
        let via = log.compactMap { (($0["entry"] as? [String: Any])?["body"] as? [String: Any])?["via"] as? String }
        #expect(via.sorted() == Array(repeating: "dicom", count: 4) + ["stow"])
        _ = try await longview.run("db", "stop")
    }
}
