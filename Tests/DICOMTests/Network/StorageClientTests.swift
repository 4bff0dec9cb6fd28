import DICOM
import Foundation
import TestSupport
import Testing

@Suite("a storage SCU", .enabled(if: NetworkTool.areInstalled, "needs the packages dcmtk and openssl"))
struct StorageClientTests {
    /// DCMTK's storescp on a free port, with its folder.
    private final class Peer {
        let folder: Folder
        let port: UInt16
        private let process: NetworkTool.Running

        init(_ options: [String]) async throws {
            folder = try Folder()
            // A port that was free a moment ago.
            let probe = try TestReceiver()
            port = probe.port
            _ = await probe.server.stop(within: .seconds(60))
            process = try NetworkTool.Running("storescp", options + ["-od", folder.url.path, "\(port)"])
            for _ in 0..<200 where (try? RawPeer(port: port)) == nil { try await Task.sleep(for: .milliseconds(20)) }
        }

        deinit { process.process.terminate() }

        func client() throws -> StorageClient {
            try StorageClient(
                StorageClient.Configuration(
                    host: "localhost", port: port, callingTitle: "LONGVIEW", calledTitle: "STORESCP"))
        }
    }

    @Test("DCMTK's storescp keeps what it is sent, bit for bit, and answers C-ECHO")
    func storescp() async throws {
        // +B: written as it came.
        let peer = try await Peer(["+xa", "+B"])
        #expect(try await peer.client().echo() == .success)
        let folder = try Folder()
        let plain = try Sample.radiograph(rows: 600, columns: 500).file()
        let files = [plain, try Tool.convert("dcmcrle", [], plain), try Tool.convert("dcmconv", ["+ti"], plain)]
        for (index, file) in files.enumerated() {
            let path = try folder.write("\(index).dcm", file)
            let results = try await peer.client().send([path])
            #expect(results.map(\.status) == [.success], "\(results)")
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: peer.folder.url.path).first)
            let stored = URL(fileURLWithPath: peer.folder.path(name))
            #expect(PDU.dataset(of: try Data(contentsOf: stored)) == PDU.dataset(of: file))
            try FileManager.default.removeItem(at: stored)
        }
    }

    @Test("a file that is no object, or is not accepted, does not keep the others from being sent")
    func mixed() async throws {
        let receiver = try TestReceiver()
        let folder = try Folder()
        var other = try Sample.radiograph()
        try other.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.2")  // CT
        let paths = [
            try folder.write("text", Array("no object".utf8)), try folder.write("ct", try other.file()),
            folder.path("missing"), try folder.write("cr", try Sample.radiograph().file()),
            try folder.write("empty", []),
        ]
        let results = try await receiver.client().send(paths)
        #expect(results.map(\.path) == paths)
        #expect(results.map(\.status) == [nil, nil, nil, .success, nil])
        #expect(results.allSatisfy { $0.status != nil || $0.message?.isEmpty == false })
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("a peer that rejects, or is not there, is reported with its reason")
    func failures() async throws {
        let receiver = try TestReceiver()
        await #expect { try await receiver.client(calling: "SOMEBODY").echo() } throws: { error in
            (error as? AssociationError)?.rejection == .calledTitleNotRecognised
        }
        let port = receiver.port
        #expect(await receiver.server.stop(within: .seconds(60)))
        var configuration = StorageClient.Configuration(
            host: "127.0.0.1", port: port, callingTitle: "A", calledTitle: "B")
        let nobody = try StorageClient(configuration)
        await #expect { try await nobody.echo() } throws: { ($0 as? AssociationError)?.code == .network }
        configuration.callingTitle = "seventeen letters"
        #expect(throws: AssociationError.self) { try StorageClient(configuration) }
    }

    @Test("a peer that takes the connection and says nothing is given up in time")
    func silentPeer() async throws {
        let listener = try SilentListener(accepts: true)
        defer { listener.close() }
        var configuration = StorageClient.Configuration(
            host: "127.0.0.1", port: UInt16(listener.port), callingTitle: "A", calledTitle: "B")
        configuration.acseTimeout = .milliseconds(300)
        let client = try StorageClient(configuration)
        await #expect { try await client.echo() } throws: { ($0 as? AssociationError)?.code == .timedOut }
    }

    @Test("an association that breaks is the reason for what was not sent")
    func broken() async throws {
        let receiver = try TestReceiver(finishing: { () throws(StorageFailure) in usleep(200_000) })
        let folder = try Folder()
        let path = try folder.write("a.dcm", try Sample.radiograph().file())
        async let results = receiver.client().send([String](repeating: path, count: 40))
        #expect(try await receiver.wait { $0.files.count >= 2 })
        #expect(await receiver.server.stop(within: .seconds(60)))
        let statuses = try await results.map(\.status)
        #expect(statuses.count == 40)
        #expect(statuses.count { $0 == .success } == receiver.files.count)
        #expect(statuses.last == .some(nil))
    }
}
