import Glibc
import TestSupport

extension KillDrill.Fault {
    /// A part is killed.
    static func killed(_ part: DrillSite.Part, at site: DrillSite) -> Self {
        Self(name: "\(part.rawValue) killed", strike: { _ in try await site.kill(part) })
    }

    /// A decoder is killed.
    static func decoderKilled(at site: DrillSite) -> Self {
        Self(
            name: "decoder killed",
            strike: { _ in
                _ = try shell("pkill -KILL -o -P \(try site.worker().processIdentifier) || true")
            })
    }

    /// One of PostgreSQL's sessions is killed: it then ends them all, and recovers.
    static func sessionKilled(at site: DrillSite) -> Self {
        Self(
            name: "database session killed",
            strike: { _ in
                let server = try site.databaseServer().process
                _ = try shell("kill -KILL $(pgrep -P \(server) -f longview_worker | head -n 1) || true")
            })
    }

    /// PostgreSQL is stopped at once, and started again.
    static func databaseKilled(at site: DrillSite) -> Self {
        Self(
            name: "database killed",
            strike: { _ in
                kill(try site.databaseServer().process, SIGQUIT)
                try await site.startDatabase()
            })
    }

    /// The database takes no writes for a while, as a standby does not.
    static func databaseReadOnly(at site: DrillSite) -> Self {
        Self(
            name: "database read-only",
            strike: { generator in
                try await site.setReadOnly(true)
                // Longer, sometimes, than the receiver tries again.
                try await Task.sleep(for: .milliseconds(Int.random(in: 500...6000, using: &generator)))
                try await site.setReadOnly(false)
            })
    }
}
