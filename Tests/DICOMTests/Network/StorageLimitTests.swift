import DICOM
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("limits of a storage SCP", .enabled(if: NetworkTool.areInstalled, "needs the packages dcmtk and openssl"))
struct StorageLimitTests {
    @Test("beyond 25 associations a request is rejected for now, and accepted when there is room again")
    func associations() async throws {
        let receiver = try TestReceiver { $0.maximumAssociationsPerCaller = 25 }
        var peers: [RawPeer] = []
        for _ in 0..<25 {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest())
            #expect(peer.receive()?.first == 2)
            peers.append(peer)
        }
        let late = try RawPeer(port: receiver.port)
        late.send(PDU.associateRequest())
        #expect(late.receive() == [3, 0, 0, 0, 0, 4, 0, 2, 3, 2])
        #expect(try await receiver.wait { $0.rejections == [.localLimitExceeded] })
        peers[0].send(PDU.releaseRequest)
        #expect(peers[0].receive()?.first == 6)
        #expect(try await receiver.wait { $0.server.associationCount == 24 })
        _ = try await receiver.client().echo()
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("one caller can't take all associations")
    func perCaller() async throws {
        let receiver = try TestReceiver { $0.maximumAssociationsPerCaller = 2 }
        var peers: [RawPeer] = []
        var answers: [UInt8?] = []
        for calling in ["A", "A", "A", "B"] {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest(calling: calling))
            answers.append(peer.receive()?.first)
            peers.append(peer)
        }
        #expect(answers == [2, 2, 3, 2])
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("unknown titles, and known ones from elsewhere, are rejected for good")
    func titles() async throws {
        let receiver = try TestReceiver {
            $0.callers = [
                .init(title: "ANYWHERE"), .init(title: "HERE", address: "::ffff:127.0.0.1"),
                .init(title: "THERE", address: "192.0.2.1"),
            ]
        }
        func answer(_ calling: String, _ called: String = "LONGVIEW") throws -> [UInt8]? {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest(called: called, calling: calling))
            return peer.receive()
        }
        #expect(try answer("ANYWHERE")?.first == 2)
        #expect(try answer("HERE")?.first == 2)
        #expect(try answer("THERE") == [3, 0, 0, 0, 0, 4, 0, 1, 1, 3])
        #expect(try answer("STRANGER") == [3, 0, 0, 0, 0, 4, 0, 1, 1, 3])
        #expect(try answer("HERE", "longview") == [3, 0, 0, 0, 0, 4, 0, 1, 1, 7])
        let run = try NetworkTool.run("echoscu", ["-v", "-aec", "WRONG", "127.0.0.1", "\(receiver.port)"])
        #expect(run.output.contains("Called AE Title Not Recognized"), "\(run.output)")
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("who gives no title is rejected, even where anybody may call")
    func nameless() async throws {
        let receiver = try TestReceiver()
        for title in ["", "\0"] {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest(calling: title))
            #expect(peer.receive() == [3, 0, 0, 0, 0, 4, 0, 1, 1, 3])
        }
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("with nobody listed, nobody may call")
    func closedByDefault() async throws {
        let receiver = try TestReceiver { $0.callers = StorageServer.Configuration().callers }
        await #expect(throws: AssociationError.self) { try await receiver.client().echo() }
        #expect(try await receiver.wait { $0.rejections == [.callingTitleNotRecognised] })
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("back-pressure rejects associations for now, and objects with A700 in those that there are")
    func backPressure() async throws {
        let ready = Mutex(true)
        let receiver = try TestReceiver(isReady: { ready.withLock { $0 } })
        let peer = try RawPeer(port: receiver.port)
        peer.send(PDU.associateRequest())
        #expect(peer.receive()?.first == 2)
        ready.withLock { $0 = false }
        let object = PDU.storeRequest() + PDU.data(PDU.dataset(of: try Sample.radiograph().file()), isCommand: false)
        peer.send(object)
        #expect(PDU.status(peer.receive()) == .outOfResources)
        await #expect { try await receiver.client().echo() } throws: { error in
            (error as? AssociationError)?.rejection == .temporaryCongestion
        }
        ready.withLock { $0 = true }
        peer.send(object)
        #expect(PDU.status(peer.receive()) == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("connections that say nothing, or never finish their request, are cut, and meanwhile hold nobody up")
    func halfOpen() async throws {
        let receiver = try TestReceiver {
            $0.acseTimeout = .milliseconds(600)
            $0.maximumPendingConnections = 12
        }
        let silent = try (0..<3).map { _ in try RawPeer(port: receiver.port) }
        let slow = try RawPeer(port: receiver.port)
        slow.send(Array(PDU.associateRequest().prefix(40)))
        #expect(try await receiver.client().echo() == .success)
        #expect(try await receiver.wait { $0.ends.count { $0 == .timedOut } == 4 })
        #expect((silent + [slow]).allSatisfy { $0.receive() == nil })
        // Six at most from one address; the seventh is closed at once.
        let many = try (0..<7).map { _ in try RawPeer(port: receiver.port) }
        #expect(many.last?.receive() == nil)
        #expect(try await receiver.wait { $0.ends.contains(.tooManyConnections) })
        #expect(try await receiver.wait { $0.ends.count { $0 == .timedOut } == 10 })
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("an idle association is aborted, and so is a sender of drops")
    func slowSenders() async throws {
        let receiver = try TestReceiver {
            $0.idleTimeout = .milliseconds(400)
            $0.dimseTimeout = .milliseconds(500)
        }
        let idle = try RawPeer(port: receiver.port)
        idle.send(PDU.associateRequest())
        #expect(idle.receive()?.first == 2)
        #expect(idle.receive()?.first == 7)

        // Each piece comes in time, the whole never would.
        let dripping = try RawPeer(port: receiver.port)
        dripping.send(PDU.associateRequest() + PDU.storeRequest())
        #expect(dripping.receive()?.first == 2)
        var pieces = 0
        while dripping.send(PDU.data([0, 0], isCommand: false, isLast: false)), pieces < 1000 {
            usleep(20_000)
            pieces += 1
        }
        #expect(pieces < 1000)

        // A PDU that has begun is not completed.
        let stuck = try RawPeer(port: receiver.port)
        stuck.send(PDU.associateRequest() + Array(PDU.echoRequest.prefix(20)))
        #expect(stuck.receive()?.first == 2)
        #expect(stuck.receive()?.first == 7)
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.ends == [.timedOut, .timedOut, .timedOut])
        #expect(receiver.discarded == 1)
        for case .ended(_, _, objects: _, let duration) in receiver.events { #expect(duration < .seconds(30)) }
    }

    @Test("stopping lets the object under way finish, and cuts off who would take too long")
    func stopUnderLoad() async throws {
        // Far more than can be sent before it is stopped, however busy the machine is.
        let receiver = try TestReceiver(finishing: { () throws(StorageFailure) in usleep(500_000) })
        let folder = try Folder()
        let path = try folder.write("a.dcm", try Sample.radiograph(rows: 100, columns: 100).file())
        let senders = try (0..<4).map { _ in
            try NetworkTool.Running(
                "storescu",
                ["-aec", "LONGVIEW", "127.0.0.1", "\(receiver.port)"] + [String](repeating: path, count: 500))
        }
        let idle = try RawPeer(port: receiver.port)
        idle.send(PDU.associateRequest())
        #expect(idle.receive()?.first == 2)
        #expect(try await receiver.wait { $0.files.count >= 4 })
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(idle.receive()?.first == 7)
        for sender in senders { #expect(try sender.wait().status != 0) }
        // Whatever was kept was answered, and the other way round.
        #expect(receiver.files.count == receiver.statuses.count)
        #expect(receiver.server.associationCount == 0)
        #expect(throws: (any Error).self) { try RawPeer(port: receiver.port) }

        let slow = try TestReceiver()
        let peer = try RawPeer(port: slow.port)
        peer.send(PDU.associateRequest() + PDU.storeRequest())
        #expect(peer.receive()?.first == 2)
        try await Task.sleep(for: .milliseconds(100))
        let start = ContinuousClock.now
        #expect(await slow.server.stop(within: .milliseconds(300)) == false)
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(slow.server.associationCount == 0)
        #expect(slow.discarded == 1)
    }

    @Test("a storm of connections leaves nothing behind")
    func storm() async throws {
        let receiver = try TestReceiver()
        for round in 0..<Drill.rounds(short: 300, long: 5000) {
            let peer = try RawPeer(port: receiver.port)
            if round % 3 == 1 { peer.send(PDU.associateRequest()) }
            if round % 3 == 2 { peer.send(Array("GET / HTTP/1.1\r\n\r\n".utf8)) }
        }
        // Until the last of them has been seen to be gone, there may be no room.
        var isServed = false
        for _ in 0..<500 where !isServed {
            isServed = (try? await receiver.client().echo()) == .success
            if !isServed { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(isServed)
        #expect(try await receiver.wait { $0.server.associationCount == 0 })
        #expect(await receiver.server.stop(within: .seconds(60)))
    }
}
