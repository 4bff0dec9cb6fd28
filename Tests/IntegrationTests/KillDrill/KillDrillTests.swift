import Foundation
import Glibc
import TestSupport
import Testing

/// What was acknowledged has exactly one record for the active model, what was not can be sent again, and the ledger
/// verifies: whatever is killed, cut, filled or set wrong under load.
@Suite("Kill drill", .serialized)
struct KillDrillTests {
    @Test("one process for all: it, a decoder, a database session or the database is killed")
    func together() async throws {
        let site = try await DrillSite([.server])
        let drill = KillDrill(site, seed: 20_261_125)
        try await drill.run(
            [
                .killed(.server, at: site), .decoderKilled(at: site), .sessionKilled(at: site),
                .databaseKilled(at: site),
            ], rounds: Drill.rounds(short: 4, long: 80))
        try await drill.finish()
    }

    @Test("a process for each part: receiver, worker, publisher, a decoder, a session or the database is killed")
    func apart() async throws {
        let site = try await DrillSite([.publisher, .worker, .receiver])
        let drill = KillDrill(site, seed: 20_261_126)
        try await drill.run(
            [
                .killed(.receiver, at: site), .killed(.worker, at: site), .killed(.publisher, at: site),
                .decoderKilled(at: site), .sessionKilled(at: site), .databaseKilled(at: site),
            ], rounds: Drill.rounds(short: 3, long: 60))
        try await drill.finish()
    }

    @Test("a worker for each stage: the one that decodes, the one that scores, a decoder or a session is killed")
    func stages() async throws {
        let site = try await DrillSite([.publisher, .scoringWorker, .decodingWorker, .receiver])
        let drill = KillDrill(site, seed: 20_261_131)
        try await drill.run(
            [
                .killed(.scoringWorker, at: site), .killed(.decodingWorker, at: site), .sessionKilled(at: site),
                .decoderKilled(at: site),
            ], rounds: Drill.rounds(short: 3, long: 40))
        try await drill.finish()
    }

    @Test("the network is cut, between sender and receiver or before the database; the database takes no writes")
    func network() async throws {
        let site = try await DrillSite([.server])
        let database = try await site.networkToDatabase()
        defer { database.close() }
        let drill = KillDrill(site, seed: 20_261_127)
        try await drill.run(
            [
                .senderCut(at: site), .databaseAway(database), .answerCut(at: site), .databaseSilent(database),
                .databaseReadOnly(at: site), .senderAway(at: site),
            ], rounds: Drill.rounds(short: 6, long: 60))
        try await drill.finish()
    }

    @Test(
        "connections to the database vanish, and neither side is told",
        .enabled(if: TCPProxy.canLoseConnections, "needs the right to administer the network"))
    func vanished() async throws {
        let site = try await DrillSite([.server])
        let database = try await site.networkToDatabase()
        defer { database.close() }
        let drill = KillDrill(site, seed: 20_261_130)
        try await drill.run([.databaseVanished(database)], rounds: Drill.rounds(short: 1, long: 12))
        try await drill.finish()
    }

    @Test(
        "the database's clock is set, forwards and back, also while a worker with leases is killed",
        .enabled(if: DrillClock.library != nil, "needs Debian's libfaketime, which scripts/test installs"))
    func clock() async throws {
        let site = try await DrillSite([.publisher, .worker, .receiver])
        let clock = try await site.clockOfDatabase()
        let drill = KillDrill(site, seed: 20_261_129)
        try await drill.run(
            [
                .clockSet(clock, by: 3, at: site), .clockSet(clock, by: -3, killing: .worker, at: site),
                .clockSet(clock, by: -3, at: site), .clockSet(clock, by: 3, killing: .worker, at: site),
            ], rounds: Drill.rounds(short: 4, long: 40))
        try await drill.finish()
    }

    @Test(
        "the disk of received objects or of the database is full, and empty again",
        .enabled(if: mayMount, "needs the right to mount a file system"))
    func disks() async throws {
        var disks: [DrillDisk] = []
        let site = try await DrillSite([.server]) { longview in
            disks = try ["objects", "postgres"].map { try DrillDisk(at: longview.path("home/\($0)")) }
        }
        let drill = KillDrill(site, seed: 20_261_128)
        do {
            try await drill.run(
                [.objectsFull(disks[0]), .databaseFull(disks[1], at: site)], rounds: Drill.rounds(short: 2, long: 40))
            try await drill.finish()
        } catch {
            Issue.record(error)
            _ = try await site.longview.run("db", "stop")
        }
        for disk in disks { try disk.unmount() }
    }
}
