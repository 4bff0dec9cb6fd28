import DICOM
import Foundation
import TestSupport
import Testing

@Suite("send")
struct SendCommandTests {
    /// A receiver for the program under test: keeps nothing but what it is told.
    private final class Reception: ObjectReception {
        let failure: StorageFailure?
        init(_ failure: StorageFailure?) { self.failure = failure }
        func append(_ bytes: UnsafeRawBufferPointer) {}
        func finish() throws(StorageFailure) { if let failure { throw failure } }
        func discard() {}
    }

    private func server(refusing failure: StorageFailure? = nil) throws -> StorageServer {
        var configuration = StorageServer.Configuration()
        configuration.address = "127.0.0.1"
        configuration.port = 0
        configuration.callers = [.init(title: "SENDER")]
        return try StorageServer(configuration) { _ throws(StorageFailure) in Reception(failure) }
    }

    @Test("each file's outcome is a line, and the exit status says whether all were stored")
    func outcomes() async throws {
        let longview = try await Installation(privateCluster: true)
        let server = try server()
        let good = try longview.write("in/a.dcm", try SmallRadiograph.file(5))
        let bad = try longview.write("in/b.dcm", Array("no object".utf8))
        let call = ["--to", "127.0.0.1:\(server.port!)", "--aet", "SENDER", "--aec", "LONGVIEW", "--json"]
        let all = try await longview.run(["send", good] + call)
        #expect(all.status == 0, "\(all.errors)")
        #expect(try all.objects.map { $0["status"] as? String } == ["sent"])
        #expect(try all.objects.map { $0["dicom_status"] as? String } == ["0000"])
        let some = try await longview.run(["send", longview.path("in")] + call)
        #expect(some.status == 2)
        #expect(try some.objects.map { $0["status"] as? String } == ["sent", "failed"])
        #expect(try await longview.run(["send", bad] + call).status == 1)
        #expect(await server.stop(within: .seconds(5)))

        let refusing = try self.server(refusing: StorageFailure(.outOfResources, "the disk is full"))
        let refused = try await longview.run(
            "send", good, "--to", "127.0.0.1:\(refusing.port!)", "--aet", "SENDER", "--aec", "LONGVIEW", "--json")
        #expect(refused.status == 1)
        let entry = try #require(try refused.objects.first)
        #expect(entry["status"] as? String == "refused")
        #expect(entry["dicom_status"] as? String == "A700")
        #expect(entry["message"] as? String == "the disk is full")
        #expect(await refusing.stop(within: .seconds(5)))
    }

    @Test("without files C-ECHO is sent; a rejection and a wrong address say what is wrong")
    func echo() async throws {
        let longview = try await Installation(privateCluster: true)
        let server = try server()
        let address = "127.0.0.1:\(server.port!)"
        let good = try await longview.run("send", "--to", address, "--aet", "SENDER", "--aec", "LONGVIEW")
        #expect(good.status == 0, "\(good.errors)")
        let unknown = try await longview.run("send", "--to", address, "--aet", "STRANGER", "--aec", "LONGVIEW")
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("calling AE title not recognised"), "\(unknown.errors)")
        #expect(await server.stop(within: .seconds(5)))
        let gone = try await longview.run("send", "--to", address, "--aet", "SENDER", "--aec", "LONGVIEW")
        #expect(gone.status == 1)
        #expect(gone.errors.contains(address), "\(gone.errors)")
        #expect(try await longview.run("send", "--to", "nowhere", "--aet", "SENDER").status == 64)
    }
}
