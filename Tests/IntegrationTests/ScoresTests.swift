import DICOM
import Foundation
import TestSupport
import Testing

@Suite("scores")
struct ScoresTests {
    @Test("a patient with several studies has a trend, by study date; one with a single study has none")
    func trend() async throws {
        let longview = try await Installation.ready()
        for (number, date) in [(1, "20240301"), (2, "20210615"), (3, "20260110")] {
            var builder = try SmallRadiograph.builder(number)
            try builder.set(.patientID, "TREND")
            try builder.set(.studyDate, date)
            _ = try longview.write("in/\(number)", try builder.file())
        }
        _ = try longview.write("in/4", try SmallRadiograph.file(4))
        #expect(try await longview.run("score", longview.path("in")).status == 0)
        let run = try await longview.run("scores")
        let trends = run.output.split(separator: "\n").filter { $0.hasPrefix("trend") }
        #expect(trends.count == 1)
        let trend = try #require(trends.first)
        #expect(trend.contains("TREND"))
        let dates = ["20210615", "20240301", "20260110"].compactMap { trend.firstRange(of: $0)?.lowerBound }
        #expect(dates.count == 3)
        #expect(dates == dates.sorted())
    }

    @Test("selection by time and category; nonsense is a usage error")
    func selection() async throws {
        let longview = try await Installation.ready()
        for number in 1...3 { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
        #expect(try await longview.run("score", longview.path("in")).status == 0)
        func count(_ arguments: String...) async throws -> Int {
            try await longview.run(["scores", "--json"] + arguments).objects.count
        }
        #expect(try await count() == 3)
        #expect(try await count("--since", "2020-01-01") == 3)
        #expect(try await count("--until", "2020-01-01") == 0)
        let below = try await count("--category", "below threshold")
        let above = try await count("--category", "at or above threshold")
        #expect(below + above == 3)
        #expect(try await longview.run("scores", "--since", "yesterday").status == 64)
        #expect(try await longview.run("scores", "--limit", "0").status == 64)
        let csv = try await longview.run("scores", "--csv").output.split(separator: "\n")
        #expect(csv.count == 4)
        #expect(csv.first?.hasPrefix("TIME,RISK,CATEGORY") == true)
    }

    @Test("text from a header can't steer the terminal or a spreadsheet")
    func hostileText() async throws {
        let longview = try await Installation.ready()
        var file = try SmallRadiograph.file(1)
        // Control characters can't be written by the builder: patch the patient's ID in place.
        let place = try #require(file.firstRange(of: Array("SMALL-1".utf8)))
        file.replaceSubrange(place, with: Array("\u{1B}[2J=1+".utf8))
        let path = try longview.write("in/1", file)
        #expect(try await longview.run("score", path).status == 0)
        let table = try await longview.run("scores").output
        #expect(table.contains("[2J=1+"))
        #expect(!table.contains("\u{1B}"))
    }

    @Test("a refusal is found as a score is, with its step, its reason and what the gate looked at")
    func refused() async throws {
        let longview = try await Installation.ready()
        _ = try longview.write("in/1", try SmallRadiograph.file(1))
        _ = try longview.write("in/2", try SmallRadiograph.builder(2, bodyPart: "HAND").file())
        _ = try longview.write("in/3", "no radiograph".utf8)
        #expect(try await longview.run("score", longview.path("in")).status == 2)
        let all = try await longview.run("scores", "--refused", "--json").objects
        #expect(all.count == 2)
        let hand = try #require(
            try await longview.run("scores", "--refused", "--json", "--patient", "SMALL-2").objects.first)
        let refusal = try #require(hand["refusal"] as? [String: String])
        #expect(refusal["code"] == "body_part_not_accepted" && refusal["stage"] == "gate")
        let gate = try #require(hand["gate"] as? [String: Any])
        #expect((gate["inputs"] as? [String: String])?["BodyPartExamined"] == "HAND")
        let table = try await longview.run("scores", "--refused")
        #expect(table.output.contains("not_dicom") && table.output.contains("body_part_not_accepted"))
        #expect(try await longview.run("scores", "--refused", "--category", "x").status == 64)
        #expect(try await longview.run("scores", "--refused", "--until", "2020-01-01", "--json").objects.isEmpty)
    }
}
