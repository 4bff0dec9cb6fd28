import Foundation
import Postgres
import TestSupport
import Testing

/// Rounds in which radiographs are sent and something is killed, cut, filled or set wrong meanwhile; afterwards every
/// object that was acknowledged must have exactly one record, and the others must be taken when sent again.
final class KillDrill {
    /// Something that goes wrong.
    struct Fault {
        var name: String
        /// Laid out before a round's objects are sent: for what happens at a byte, not at a moment.
        var arm: (inout SeededGenerator) async throws -> Void = { _ in }
        /// Happens at a random moment, and is over when this returns.
        var strike: (inout SeededGenerator) async throws -> Void = { _ in }
    }

    /// How far the work was when something went wrong.
    enum Phase: String, CaseIterable {
        case receiving, scoring, publishing, idle
    }

    let site: DrillSite
    private let objectsPerRound = 4
    private var generator: SeededGenerator
    private var all: [String] = []
    private var acknowledged: Set<String> = []
    private var refusals: [String: Int] = [:]
    private var unanswered = 0
    private var phases: [Phase: Int] = [:]
    private var faults: [String: Int] = [:]

    init(_ site: DrillSite, seed: UInt64) {
        self.site = site
        generator = SeededGenerator(state: seed)
    }

    /// Does rounds, each with the next of `faults`.
    func run(_ faults: [Fault], rounds: Int) async throws {
        try await site.start()
        for round in 0..<rounds {
            let fault = faults[round % faults.count]
            for number in all.count..<all.count + objectsPerRound {
                all.append(try site.longview.write("in/\(number).dcm", try SmallRadiograph.file(number)))
            }
            try await fault.arm(&generator)
            // What was not acknowledged in rounds before is sent again.
            let (longview, paths, port) = (site.longview, outstanding, site.network.port)
            async let sending = longview.send(paths, to: port)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...700, using: &generator)))
            phases[try await phase(), default: 0] += 1
            try await fault.strike(&generator)
            note(try await sending)
            self.faults[fault.name, default: 0] += 1
            try await site.start()
        }
    }

    private var outstanding: [String] { all.filter { !acknowledged.contains($0) } }

    private func note(_ sent: Installation.Sent) {
        acknowledged.formUnion(sent.acknowledged)
        refusals.merge(sent.refusals, uniquingKeysWith: +)
        unanswered += sent.unanswered
    }

    private func phase() async throws -> Phase {
        let row = try await site.query(
            """
            SELECT (SELECT count(*) FROM longview.objects) AS kept, (SELECT count(*) FROM longview.jobs) AS unscored,
                   (SELECT count(*) FROM longview.ledger_inbox) AS unsequenced
            """)[0]
        if try row["kept"] < all.count { return .receiving }
        if try row["unscored"] > 0 { return .scoring }
        return try row["unsequenced"] > 0 ? .publishing : .idle
    }

    /// Sends what is left, waits until all is scored, ends all parts and looks at what they leave.
    func finish() async throws {
        try await site.longview.wait("not all could be sent: \(site.words)") {
            // One that is there already as well: it must be known again.
            note(try await site.longview.send(outstanding + [all[0]], to: site.network.port))
            return outstanding.isEmpty
        }
        try await site.longview.wait("not all was scored: \(site.words)") {
            try await site.longview.queueLength() == 0
        }
        try await site.end()
        try await site.longview.checkRecords(all.count)
        try await checkDatabase()
        try checkFolder()
        #expect(Set(refusals.keys).isSubset(of: ["A700"]), "\(refusals)")
        _ = try await site.longview.run("db", "stop")
        report()
    }

    private func checkDatabase() async throws {
        let row = try await site.query(
            """
            SELECT (SELECT count(*) FROM longview.inferences) AS inferences,
                   (SELECT count(DISTINCT object_sha256) FROM longview.inferences) AS scored,
                   (SELECT count(*) FROM longview.finished_jobs WHERE state = 'done') AS done,
                   (SELECT count(*) FROM longview.finished_jobs) AS finished,
                   (SELECT count(*) FROM longview.jobs) AS left_over,
                   (SELECT count(*) FROM longview.intakes WHERE outcome = 'sop_conflict') AS conflicts
            """)[0]
        for column in ["inferences", "scored", "done", "finished"] {
            #expect(try row[column] == all.count, "\(column)")
        }
        #expect(try row["left_over"] == 0)
        #expect(try row["conflicts"] == 0)
    }

    /// Each object has one file, and nothing half written is left.
    private func checkFolder() throws {
        let objects = site.longview.path("home/objects")
        #expect(try shell("find '\(objects)' -type f ! -name folder-id | wc -l") == "\(all.count)")
        #expect(try shell("find '\(objects)/incoming' -type f | wc -l") == "0")
    }

    private func report() {
        func list(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
        let met = Dictionary(uniqueKeysWithValues: phases.map { ($0.key.rawValue, $0.value) })
        print(
            """
            \(faults.values.reduce(0, +)) rounds, \(all.count) objects: each has one record. Faults: \(list(faults)). \
            Met while: \(list(met)). Refused: \(list(refusals)); without an answer: \(unanswered)
            """)
    }
}
