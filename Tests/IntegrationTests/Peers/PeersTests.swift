import Foundation
import Glibc
import TestSupport
import Testing

/// One `serve` with a port for plain DICOM and one for TLS with certificates of both sides, and everything that sends,
/// each with files of its own at the same time; and some whose certificates come from an authority that is not trusted.
/// dcmsend has no TLS in DCMTK 3.6.7.
@Suite(
    "With real peers, all at once",
    .enabled(if: Peer.areInstalled && Orthanc.isInstalled, "needs the packages dcmtk, openssl and orthanc"))
struct PeersTests {
    @Test(
        "storescu, dcmsend, pynetdicom, Orthanc and longview: what was acknowledged has one score, and its sender's title",
        .enabled(if: Peer.python != nil, "needs pynetdicom (LONGVIEW_PYTHON)"))
    func all() async throws { try await meet([Peer.pynetdicom]) }

    @Test(
        "storescu, dcmsend, Orthanc and longview: what was acknowledged has one score, and its sender's title",
        .enabled(if: Peer.python == nil, "pynetdicom is here, and among those of the other test"))
    func withoutPython() async throws { try await meet([]) }

    private func meet(_ more: [Peer]) async throws {
        let site = try await PeerSite()
        let others = Peer.dcmtk + more + [Peer.longview(site.longview)]
        var calls: [PeerSite.Call] = []
        for peer in others + [Peer.orthanc(try await site.orthanc())] {
            for isSecure in peer.speaksTLS ? [false, true] : [false] {
                calls.append(try site.call(from: peer, isSecure: isSecure))
            }
        }
        var intruders: [PeerSite.Call] = []
        for peer in others where peer.speaksTLS { intruders.append(try site.intruder(peer)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for call in calls {
                group.addTask {
                    let acknowledged = try await call.peer.send(call)
                    #expect(acknowledged == Set(call.radiographs.map(\.path)), "\(call.title)")
                }
            }
            for call in intruders {
                group.addTask {
                    for _ in 0..<3 {
                        let acknowledged = try await call.peer.send(call)
                        #expect(acknowledged.isEmpty, "\(call.peer.name)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(site.disbelieved >= 3 * intruders.count)
        try await site.checkAndEnd(calls)
    }
}
