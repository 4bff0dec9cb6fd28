import Foundation
import FoundationNetworking
import Glibc
import TestSupport
import Testing

/// Debian's Orthanc with a folder and ports of its own, ended with its last reference.
final class Orthanc: Sendable {
    static let program = "/usr/sbin/Orthanc"
    static let isInstalled = access(program, X_OK) == 0

    private let process: Process
    private let base: String

    /// Starts one, and waits until it answers.
    /// - Parameters:
    ///   - router: the Lua expression that names, of the `tags` of an object that comes in, the modality it is sent on to.
    ///   - settings: more of its configuration, with `DicomModalities`.
    init(_ longview: Installation, routingTo router: String, _ settings: [String: Any]) async throws {
        let script = try longview.write(
            "route.lua",
            Array(
                """
                function OnStoredInstance(instance, tags, metadata)
                    SendToModality(instance, \(router))
                end
                """.utf8))
        var started: (process: Process, base: String)?
        for _ in 0..<5 where started == nil {
            started = try await Self.start(longview, settings.merging(["LuaScripts": [script]]) { $1 })
        }
        (process, base) = try #require(started, "Orthanc does not start")
    }

    /// It listens on all addresses, and on ports that were free a moment ago: nil where one was not any more, and it ended.
    private static func start(
        _ longview: Installation, _ settings: [String: Any]
    ) async throws -> (process: Process, base: String)? {
        let ports = try [SilentListener(accepts: false), SilentListener(accepts: false)]
        for port in ports { port.close() }
        let own: [String: Any] = [
            "Name": "test", "StorageDirectory": longview.path("orthanc"), "IndexDirectory": longview.path("orthanc"),
            "HttpPort": ports[0].port, "DicomPort": ports[1].port, "DicomAet": "ORTHANC", "RemoteAccessAllowed": false,
            "AuthenticationEnabled": false,
        ]
        let configuration = try longview.write(
            "orthanc.json", try JSONSerialization.data(withJSONObject: own.merging(settings) { $1 }))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [configuration]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let base = "http://127.0.0.1:\(ports[0].port)"
        let system = try #require(URL(string: base + "/system"))
        try await longview.wait("Orthanc does not answer") {
            (try? await URLSession.shared.data(from: system)) != nil || !process.isRunning
        }
        return process.isRunning ? (process, base) : nil
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Gives it an object, as a modality would.
    func store(_ object: Data) async throws {
        var request = URLRequest(url: try #require(URL(string: base + "/instances")))
        request.httpMethod = "POST"
        request.httpBody = object
        let (_, response) = try await URLSession.shared.data(for: request)
        #expect((response as? HTTPURLResponse)?.statusCode == 200)
    }
}
