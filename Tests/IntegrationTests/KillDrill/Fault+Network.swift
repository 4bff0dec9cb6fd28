import TestSupport
import Testing

extension KillDrill.Fault {
    /// The sender's connection is lost at some byte of what it sends: in the association's request, in an object or
    /// between two.
    static func senderCut(at site: DrillSite) -> Self {
        Self(name: "sender cut off") { generator in
            site.network.cut(after: .random(in: 0..<30_000, using: &generator), .there)
        }
    }

    /// The sender's connection is lost at some byte of what it is answered: an object may be kept of which it never hears.
    static func answerCut(at site: DrillSite) -> Self {
        Self(name: "answer cut off") { generator in
            site.network.cut(after: .random(in: 0..<1000, using: &generator), .back)
        }
    }

    /// There is no network between senders and the receiver for a moment.
    static func senderAway(at site: DrillSite) -> Self {
        Self(
            name: "sender away",
            strike: { generator in
                try await outage(of: site.network, .cut, .milliseconds(Int.random(in: 20...500, using: &generator)))
            })
    }

    /// All connections to the database are lost, and no new ones are had for a while.
    static func databaseAway(_ network: TCPProxy) -> Self {
        Self(
            name: "database away",
            strike: { generator in
                try await outage(of: network, .cut, .milliseconds(Int.random(in: 20...5000, using: &generator)))
            })
    }

    /// Nothing comes from the database for some seconds, nor does anything arrive there; then all connections are lost.
    static func databaseSilent(_ network: TCPProxy) -> Self {
        Self(
            name: "database silent",
            strike: { generator in
                let length = Drill.isLong ? 8000 : 2000
                network.become(.silent)
                try await Task.sleep(for: .milliseconds(Int.random(in: 500...length, using: &generator)))
                try await outage(of: network, .cut, .milliseconds(50))
            })
    }

    /// What the network knew of connections to the database is lost, as when a firewall starts anew: who waits for an
    /// answer gets none, nor word that there will be none.
    static func databaseVanished(_ network: TCPProxy) -> Self {
        Self(name: "connections vanished", strike: { _ in network.loseConnections() })
    }

    private static func outage(of network: TCPProxy, _ state: TCPProxy.State, _ length: Duration) async throws {
        network.become(state)
        try await Task.sleep(for: length)
        network.become(.passing)
    }
}
