import Foundation
import Glibc
import TestSupport
import Testing

/// Senders without manners. They block.
extension SoakTraffic {
    /// The title that damaged associations call from.
    static let mutant = "MUTANT"

    /// 200 connections a second, left at once: without a word, after words of another protocol, or after a request.
    @Sendable func connectAndLeave() throws {
        let words: [[UInt8]] = [[], Array("GET / HTTP/1.1\r\n\r\n".utf8), PDU.associateRequest(calling: "HASTY")]
        for index in 0... {
            pause(until: .milliseconds(5) * index)
            if isOver { return }
            let peer = try RawPeer(port: port)
            peer.send(words[index % words.count])
            tally.count("connections left at once")
        }
    }

    /// Up to ten connections that say nothing, or half of a request, until they are cut.
    @Sendable func stayHalfOpen() throws {
        let half = Array(PDU.associateRequest(calling: "HALF").prefix(100))
        var open: [RawPeer] = []
        for index in 0... {
            pause(until: .seconds(3) * index)
            if isOver { return }
            let peer = try RawPeer(port: port)
            if index % 2 == 1 { peer.send(half) }
            open.append(peer)
            tally.count("half open")
            // From connection to request a caller has 30 seconds.
            guard open.count > 10 else { continue }
            let oldest = open.removeFirst()
            while oldest.receive() != nil {}
        }
    }

    /// Twice a second an association with an object, in which bytes have been changed, lost or added.
    @Sendable func sendMutants() throws {
        var generator = SeededGenerator(state: 31)
        let header = PDU.associateRequest(calling: Self.mutant)
        for index in 0... {
            pause(until: .milliseconds(500) * index)
            if isOver { return }
            let kind = SoakTally.Kind.mutant
            let dataset = PDU.dataset(of: try SmallRadiograph.file(kind.number(index)))
            var bytes =
                PDU.storeRequest(sopInstance: kind.uid(index))
                + PDU.data(Array(dataset.prefix(500)), isCommand: false, isLast: false)
                + PDU.data(Array(dataset.dropFirst(500)), isCommand: false) + PDU.releaseRequest
            PDU.damage(&bytes, using: &generator)
            let peer = try RawPeer(port: port)
            peer.send(header + bytes)
            peer.finishSending()
            while peer.receive() != nil {}
            tally.count("malformed")
        }
    }

    /// One object after the other, in drops: some eight seconds each.
    @Sendable func sendSlowly() throws {
        for index in 0... {
            if isOver { return }
            let kind = SoakTally.Kind.slow
            let dataset = PDU.dataset(of: try SmallRadiograph.file(kind.number(index)))
            let peer = try RawPeer(port: port)
            peer.send(PDU.associateRequest(calling: "SLOW"))
            guard peer.receive()?.first == 2 else {
                tally.count("slow put off")
                pause(for: 1)
                continue
            }
            tally.sending(kind, index)
            peer.send(PDU.storeRequest(sopInstance: kind.uid(index)))
            let drop = dataset.count / 40 + 1
            for begin in stride(from: 0, to: dataset.count, by: drop) {
                let end = min(begin + drop, dataset.count)
                peer.send(PDU.data(Array(dataset[begin..<end]), isCommand: false, isLast: end == dataset.count))
                pause(for: 0.2)
            }
            if PDU.status(peer.receive()) == .success { tally.acknowledged(kind, index) }
            peer.send(PDU.releaseRequest)
            _ = peer.receive()
        }
    }

    private func pause(until moment: Duration) { pause(for: (start + moment - .now) / .seconds(1)) }

    private func pause(for seconds: Double) {
        if seconds > 0 { usleep(UInt32(seconds * 1e6)) }
    }
}
