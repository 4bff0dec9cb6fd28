import DICOM
import Foundation
import TestSupport
import Testing

@Suite("Many files")
struct ManyFilesTests {
    @Test("a folder of a thousand mixed files: each gets one line and one record, whatever it is")
    func mixed() async throws {
        let longview = try await Installation.ready()
        for number in 0..<1000 {
            let name = "in/\(number % 7)/file-\(number)"
            switch number % 10 {
            case 0: _ = try longview.write(name, "text \(number)".utf8)
            case 1: _ = try longview.write(name, try SmallRadiograph.file(number).dropLast(100))
            case 2: _ = try longview.write(name, try SmallRadiograph.builder(number, bodyPart: "HAND").file())
            case 3:
                var builder = try SmallRadiograph.builder(number)
                builder.remove(.pixelData)
                _ = try longview.write(name, try builder.file())
            case 4:
                var builder = try SmallRadiograph.builder(number)
                try builder.set(.rows, integers: [6000])
                _ = try longview.write(name, try builder.file())
            default: _ = try longview.write(name, try SmallRadiograph.file(number))
            }
        }
        _ = try longview.write("in/.hidden", "left out".utf8)
        let run = try await longview.run("score", "--json", longview.path("in"))
        #expect(run.status == 2, "\(run.errors)")
        let objects = try run.objects
        #expect(objects.count == 1000)
        let statuses = Dictionary(grouping: objects) { $0["status"] as? String ?? "" }.mapValues(\.count)
        #expect(statuses == ["scored": 500, "refused": 500])
        let codes = Dictionary(grouping: objects) { ($0["refusal"] as? [String: String])?["code"] ?? "" }
            .mapValues(\.count)
        #expect(codes["not_dicom"] == 100)
        #expect(codes["truncated"] == 100)
        #expect(codes["body_part_not_accepted"] == 100)
        #expect(codes["no_pixel_data"] == 100)
        #expect(codes["pixel_data_mismatch"] == 100)
        #expect(run.errors.contains("500 scored, 500 refused"))
        // Nothing a file says of its patient is in what the program says of it.
        #expect(!(run.output + run.errors).contains("SMALL-"))
        #expect(try await longview.run("scores", "--json", "--limit", "2000").objects.count == 500)
    }

    @Test("several processes on one folder: one record an object, and each process answers for all")
    func concurrentProcesses() async throws {
        let longview = try await Installation.ready()
        for number in 0..<30 { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
        let runs = try await withThrowingTaskGroup(of: Installation.Run.self) { group in
            for _ in 0..<3 { group.addTask { try await longview.run("score", "--json", longview.path("in")) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var scored: [String] = []
        for run in runs {
            #expect(run.status == 0, "\(run.errors)")
            let objects = try run.objects
            #expect(objects.count == 30)
            scored += objects.filter { $0["status"] as? String == "scored" }.compactMap {
                $0["inference_id"] as? String
            }
        }
        #expect(scored.count == 30)
        #expect(Set(scored).count == 30)
        #expect(try await longview.run("scores", "--json").objects.count == 30)
    }
}
