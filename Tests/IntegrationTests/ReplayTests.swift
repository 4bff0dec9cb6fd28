import Foundation
import TestSupport
import Testing

@Suite("replay")
struct ReplayTests {
    /// Runs a statement as the owner, with the triggers that keep records off: as somebody who owns the tables could.
    private func tamper(_ longview: Installation, _ statement: String) throws {
        let url = try #require(longview.environment["DATABASE_URL"])
        for table in ["inferences", "pictures"] {
            _ = try shell("psql -qX -c 'ALTER TABLE longview.\(table) DISABLE TRIGGER USER' '\(url)'")
        }
        let folder = longview.path("statement.sql")
        try Data(statement.utf8).write(to: URL(fileURLWithPath: folder))
        _ = try shell("psql -qX -v ON_ERROR_STOP=1 -f '\(folder)' '\(url)'")
    }

    private func scored(_ count: Int) async throws -> (Installation, [String]) {
        let longview = try await Installation.ready()
        for number in 0..<count { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
        let run = try await longview.run("score", "--json", longview.path("in"))
        return (longview, try run.objects.compactMap { $0["inference_id"] as? String })
    }

    @Test("what was recorded comes out again to the bit, whatever kernels and threads")
    func equal() async throws {
        var (longview, ids) = try await scored(4)
        for (kernels, threads) in [("auto", "2"), ("portable", "1")] {
            longview.environment["LONGVIEW_KERNELS"] = kernels
            let run = try await longview.run("replay", "--all", "--json", "--threads", threads)
            #expect(run.status == 0, "\(run.errors)")
            let objects = try run.objects
            #expect(Set(objects.compactMap { $0["inference_id"] as? String }) == Set(ids))
            #expect(objects.allSatisfy { $0["status"] as? String == "equal" })
        }
        #expect(try await longview.run("replay", "--sample", "2", "--json").objects.count == 2)
        #expect(try await longview.run("replay", ids[0]).output.contains("equal"))
    }

    @Test("a changed logit, risk, category or picture is found and named")
    func tampered() async throws {
        let (longview, ids) = try await scored(5)
        try tamper(longview, "UPDATE longview.inferences SET logits[1] = logits[1] + 0.001 WHERE id = '\(ids[0])'")
        try tamper(longview, "UPDATE longview.inferences SET risk = 0.01 WHERE id = '\(ids[1])'")
        try tamper(longview, "UPDATE longview.inferences SET category = 'below threshold ' WHERE id = '\(ids[2])'")
        try tamper(
            longview,
            """
            UPDATE longview.pictures SET data = (SELECT p.data FROM longview.pictures p JOIN longview.inferences i
                ON i.picture_sha256 = p.sha256 WHERE i.id = '\(ids[4])')
            WHERE sha256 = (SELECT picture_sha256 FROM longview.inferences WHERE id = '\(ids[3])')
            """)
        let run = try await longview.run("replay", "--all", "--json")
        #expect(run.status == 3)
        let statuses = Dictionary(
            uniqueKeysWithValues: try run.objects.map { ($0["inference_id"] as! String, $0["status"] as! String) })
        #expect(ids.map { statuses[$0] } == ["different", "different", "different", "picture_altered", "equal"])
        #expect(run.errors.contains("1 equal to the bit, 4 NOT as recorded"))
    }

    @Test("another engine's record, and one whose package is not here, are said to be not comparable")
    func incomparable() async throws {
        let (longview, ids) = try await scored(2)
        try tamper(
            longview,
            "UPDATE longview.inferences SET engine_version = 'older', logits[1] = logits[1] + 0.001 WHERE id = '\(ids[0])'"
        )
        let run = try await longview.run("replay", "--all", "--json")
        #expect(run.status == 2)
        #expect(try run.objects.contains { $0["status"] as? String == "other_engine" })
        try FileManager.default.removeItem(atPath: longview.path("home/models"))
        let missing = try await longview.run("replay", ids[1], "--json")
        #expect(missing.status == 2)
        #expect(try missing.objects.first?["status"] as? String == "model_missing")
        #expect(try await longview.run("replay").status == 64)
        #expect(try await longview.run("replay", "--all", "--sample", "1").status == 64)
        #expect(try await longview.run("replay", "nonsense").status == 64)
        #expect(try await longview.run("replay", "01a20fa1-d99f-7891-8cf2-ce947c50c3ad").status == 1)
    }
}
