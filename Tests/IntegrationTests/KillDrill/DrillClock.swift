import Foundation
import Glibc
import Testing

/// The database's clock, which can be set while it runs: libfaketime stands between its server and the system.
///
/// The server alone has such a clock; monotonic clocks go on as they do when an administrator sets the time.
final class DrillClock {
    /// Debian's libfaketime, for programs with threads or without.
    static let library = ["x86_64", "aarch64"]
        .map { machine -> String in "/usr/lib/\(machine)-linux-gnu/faketime/libfaketimeMT.so.1" }
        .first { access($0, R_OK) == 0 }

    fileprivate let file: String
    /// How many hours it is ahead.
    private var ahead = 0

    fileprivate init(file: String) throws {
        self.file = file
        try set(by: 0)
    }

    /// Sets it by so many hours, forwards or back.
    func set(by hours: Int) throws {
        ahead += hours
        try Data("\(ahead < 0 ? "" : "+")\(ahead)h\n".utf8).write(to: URL(fileURLWithPath: file))
    }
}

extension DrillSite {
    /// Stops the database, and starts it with a clock that can be set.
    func clockOfDatabase() async throws -> DrillClock {
        let clock = try DrillClock(file: longview.path("clock"))
        let server = try databaseServer()
        let programs = URL(fileURLWithPath: try shell("readlink /proc/\(server.process)/exe"))
            .deletingLastPathComponent()
        #expect(try await longview.run("db", "stop").status == 0)
        // The server's account, where that is not this one.
        let account = getuid() == 0 ? "setpriv --reuid postgres --regid postgres --clear-groups" : ""
        // Foundation takes a process for running as long as anybody has the descriptors that it was started with.
        let start = """
            cd '\(server.folder)/..'
            for fd in /proc/$$/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done
            exec \(account) env PGDATA='\(server.folder)' \
                LD_PRELOAD='\(try #require(DrillClock.library))' FAKETIME_TIMESTAMP_FILE='\(clock.file)' \
                FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1 \
                '\(programs.path)/pg_ctl' start -w -l log/server.log >/dev/null 2>&1
            """
        _ = try shell("bash '\(longview.write("start-database", start.utf8))'")
        // It is this clock that the database has.
        try clock.set(by: 3)
        let time: Double = try await query("SELECT extract(epoch FROM clock_timestamp())::float8 AS time")[0]["time"]
        #expect(abs(time - Date().timeIntervalSince1970 - 3 * 3600) < 60)
        try clock.set(by: -3)
        return clock
    }
}

extension KillDrill.Fault {
    /// The database's clock is set by so many hours; a part is killed just before, if one is named.
    static func clockSet(_ clock: DrillClock, by hours: Int, killing part: DrillSite.Part? = nil, at site: DrillSite)
        -> Self
    {
        let killed = part.map { ", \($0.rawValue) killed" } ?? ""
        return Self(
            name: "database's clock set \(hours > 0 ? "forwards" : "back")\(killed)",
            strike: { _ in
                if let part { try await site.kill(part) }
                try clock.set(by: hours)
            })
    }
}
