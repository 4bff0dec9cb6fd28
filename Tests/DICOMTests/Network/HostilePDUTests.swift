import DICOM
import Foundation
import TestSupport
import Testing

@Suite("malformed PDUs")
struct HostilePDUTests {
    @Test("what is no association at all is answered with an abort, or with nothing, and at once")
    func garbage() async throws {
        let receiver = try TestReceiver()
        var generator = SeededGenerator(state: 3)
        let cases: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
            [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],  // a TLS handshake
            [UInt8](repeating: 0xFF, count: 4096),
            [UInt8](repeating: 0, count: 100),
            [1, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            [1, 0, 0, 0, 0, 0],
            PDU.echoRequest, PDU.releaseRequest,
            (0..<1000).map { _ in UInt8.random(in: 0...255, using: &generator) },
        ]
        let start = ContinuousClock.now
        for (index, bytes) in cases.enumerated() {
            let peer = try RawPeer(port: receiver.port)
            peer.send(bytes)
            peer.finishSending()
            let answer = peer.receive()
            #expect(answer == nil || answer?.first == 7, "case \(index): \(answer ?? [])")
        }
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try await receiver.client().echo() == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("a request with contexts, items or lengths that contradict each other is aborted")
    func requests() async throws {
        let receiver = try TestReceiver()
        let whole = PDU.associateRequest()
        // Each length field of the request, made larger and smaller.
        var tried = 0
        for place in 74..<(whole.count - 4) where [0x10, 0x20, 0x30, 0x40, 0x50, 0x51, 0x52].contains(whole[place]) {
            guard whole[place + 1] == 0, whole[place + 2] == 0, whole[place + 3] > 3 else { continue }
            for length: UInt8 in [0, whole[place + 3] - 1, whole[place + 3] + 1, 0xFF] {
                var bytes = whole
                bytes[place + 3] = length
                let peer = try RawPeer(port: receiver.port)
                peer.send(bytes)
                peer.finishSending()
                #expect([nil, 3, 7].contains(peer.receive()?.first), "\(place): \(length)")
                tried += 1
            }
        }
        #expect(tried >= 20)
        #expect(try await receiver.client().echo() == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("what of the user information is not negotiated is not read: it takes no memory, and is not answered")
    func userInformation() async throws {
        let receiver = try TestReceiver()
        let uid = Array(DICOMUID.computedRadiographyImageStorage.utf8)
        let named = [0, UInt8(uid.count)] + uid
        // Extended negotiation and roles, and an identity of no known type, at which DCMTK's reader gives up.
        let items = PDU.item(0x54, named + [0, 1]) + PDU.item(0x56, named + [2, 0, 0, 0])
        for more in [items, items + PDU.item(0x58, [0x82, 1, 0, 1, 0x61, 0, 1, 0x62])] {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest(more: more))
            let answer = try #require(peer.receive())
            #expect(answer.first == 2)
            #expect(PDU.userInformation(answer) == [0x51, 0x52, 0x55])
            peer.send(PDU.echoRequest)
            #expect(PDU.status(peer.receive()) == .success)
        }
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("in an association, values that do not fit their PDU and PDUs out of place end in an abort")
    func transfers() async throws {
        let receiver = try TestReceiver()
        let nested = (0..<1500).flatMap { _ -> [UInt8] in [8, 0, 0x40, 0x11, 0xFF, 0xFF, 0xFF, 0xFF] }
        let cases: [[UInt8]] = [
            PDU.make(4, []), PDU.make(4, [0, 0, 0, 0]), PDU.make(4, [0, 0, 0, 1, 1, 3]),
            PDU.make(4, [0, 0, 0, 9, 1, 3]), PDU.make(4, [0xFF, 0xFF, 0xFF, 0xFF, 1, 3]),
            PDU.make(4, [0, 0, 0, 2, 1, 3, 0, 0]), [4, 0, 0, 2, 0, 1], [4, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            PDU.associateRequest(), PDU.make(2, [0, 0, 0, 0]), PDU.make(6, [0, 0, 0, 0]), PDU.make(9, [0, 0, 0, 0]),
            PDU.make(5, []), PDU.make(7, [UInt8](repeating: 0, count: 400)),
            // A data set without a command, a context that was not agreed on, a response to nothing.
            PDU.data([1, 2], isCommand: false), PDU.data([1, 2], isCommand: true, context: 77),
            PDU.command([(0x0100, [1, 0x80]), (0x0800, [1, 1])]),
            // Command sets: none, cut short, too long, and a nest of sequences.
            PDU.data([], isCommand: true), PDU.data([0, 0, 0, 1, 2, 0, 0], isCommand: true),
            PDU.data([UInt8](repeating: 0, count: 16_400), isCommand: true), PDU.data(nested, isCommand: true),
            // A command within a data set.
            PDU.storeRequest() + PDU.data([8, 0], isCommand: false, isLast: false) + PDU.echoRequest,
        ]
        for (index, bytes) in cases.enumerated() {
            let peer = try RawPeer(port: receiver.port)
            peer.send(PDU.associateRequest())
            #expect(peer.receive()?.first == 2)
            peer.send(bytes)
            #expect(peer.receive()?.first == 7, "case \(index)")
        }
        #expect(try await receiver.client().echo() == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(
            receiver.ends.filter { $0 != .released }
                == [AssociationError.Code](repeating: .protocolError, count: cases.count))
        #expect(receiver.files.isEmpty)
    }

    @Test("whatever happens to a recorded association, the next one is served: 200 times, 20,000 in the long run")
    func mutations() async throws {
        let receiver = try TestReceiver { $0.dimseTimeout = .seconds(2) }
        let dataset = PDU.dataset(of: try Sample.radiograph().file())
        let recording =
            PDU.associateRequest() + PDU.echoRequest + PDU.storeRequest()
            + PDU.data(Array(dataset.prefix(100)), isCommand: false, isLast: false)
            + PDU.data(Array(dataset.dropFirst(100)), isCommand: false) + PDU.releaseRequest
        var generator = SeededGenerator(state: 20)
        for _ in 0..<Drill.rounds(short: 200, long: 20_000) {
            var bytes = recording
            PDU.damage(&bytes, using: &generator)
            let peer = try RawPeer(port: receiver.port)
            peer.send(bytes)
            peer.finishSending()
            var answers = 0
            while peer.receive() != nil { answers += 1 }
            #expect(answers < 10)
        }
        #expect(try await receiver.client().echo() == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.server.associationCount == 0)
        // What was kept is what its sender said, whatever else was damaged.
        for file in receiver.files { #expect(PDU.dataset(of: file).count > 100) }
    }
}
