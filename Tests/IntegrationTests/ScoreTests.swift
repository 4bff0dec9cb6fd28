import Foundation
import TestSupport
import Testing

@Suite("score, scores, show")
struct ScoreTests {
    @Test("a radiograph is scored, recorded, and found again; a second time it is a duplicate")
    func wayOfOneRadiograph() async throws {
        let longview = try await Installation.ready()
        let made = try await longview.run("demo-data", "--count", "2", "--output", longview.path("synthetic"))
        #expect(made.status == 0, "\(made.errors)")

        let first = try await longview.run("score", "--json", longview.path("synthetic"))
        #expect(first.status == 0, "\(first.errors)")
        let scored = try first.objects
        #expect(scored.count == 2)
        for object in scored {
            #expect(object["status"] as? String == "scored")
            let risk = try #require(object["risk"] as? Double)
            #expect((0...1).contains(risk))
            let views = try #require(object["views"] as? [[String: Double]])
            #expect(views.count == 9)
            let mean = views.reduce(0) { $0 + $1["weight"]! * $1["risk"]! }
            #expect(abs(mean - risk) < 1e-12)
            #expect((object["logits"] as? [Double])?.count == 18)
            #expect((object["object_sha256"] as? String)?.count == 64)
            #expect((object["picture_sha256"] as? String)?.count == 64)
            #expect((object["sop_instance_uid"] as? String)?.isEmpty == false)
        }

        let second = try await longview.run("score", "--json", longview.path("synthetic"))
        #expect(second.status == 0)
        let again = try second.objects
        #expect(again.map { $0["status"] as? String } == ["duplicate", "duplicate"])
        #expect(again.map { $0["inference_id"] as? String } == scored.map { $0["inference_id"] as? String })
        #expect(again.map { $0["risk"] as? Double } == scored.map { $0["risk"] as? Double })

        let listed = try await longview.run("scores", "--json", "--limit", "1").objects
        #expect(listed.count == 1)
        let id = try #require(listed[0]["inference_id"] as? String)
        #expect(scored.contains { $0["inference_id"] as? String == id })
        let patient = try #require(listed[0]["patient_id"] as? String)
        let ofPatient = try await longview.run("scores", "--json", "--patient", patient).objects
        #expect(ofPatient.contains { $0["inference_id"] as? String == id })
        #expect(try await longview.run("scores", "--json", "--patient", "nobody").objects.isEmpty)

        let shown = try await longview.run("show", id, "--picture", longview.path("picture.png"))
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains(try #require(listed[0]["picture_sha256"] as? String)))
        // The stored picture is what its digest says: the PGM form, checked by netpbm.
        let digest = try shell("pngtopnm '\(longview.path("picture.png"))' | sha256sum | cut -c 1-64")
        #expect(digest == listed[0]["picture_sha256"] as? String)
    }

    @Test("scores of the shipped model agree with the reference for every validation picture", .needsSharedData)
    func validation() async throws {
        let longview = try await Installation.ready()
        let expected = try CSV(SharedData.url("models/nih-pneumonia-1/validation.csv"))
        let images = SharedData.url("data/radiographs/images")
        let files = expected.rows.map { images.appendingPathComponent($0["file"]!).path }
        for (views, column) in [("profile", "risk_nine_views"), ("center", "risk_center_view")] {
            let run = try await longview.run(["score", "--json", "--views", views] + files)
            #expect(run.status == 0, "\(run.errors)")
            let objects = try run.objects
            #expect(objects.count == 216)
            var worst = 0.0
            for (object, row) in zip(objects, expected.rows) {
                let risk = try #require(object["risk"] as? Double)
                worst = max(worst, abs(risk - Double(row[column]!)!))
                #expect((object["flags"] as? [String])?.contains("no_dicom_identity") == true)
            }
            // The reference is written to six decimals.
            #expect(worst < 1e-5, "views \(views)")
            print("validation, \(views): largest difference from the reference \(worst)")
        }
    }

    @Test("scores of human chest radiographs in DICOM agree with the reference", .needsSharedData)
    func dicomReference() async throws {
        let longview = try await Installation.ready()
        let expected = try CSV(SharedData.url("models/nih-pneumonia-1/dicom_reference.csv"))
        let files = expected.rows.map { SharedData.url("data/dicom").appendingPathComponent($0["file"]!).path }
        for (views, column) in [("profile", "risk_nine_views"), ("center", "risk_center_view")] {
            let run = try await longview.run(["score", "--json", "--views", views] + files)
            #expect(run.status == 0, "\(run.errors) \(run.output)")
            var worst = 0.0
            for (object, row) in zip(try run.objects, expected.rows) {
                let risk = try #require(object["risk"] as? Double, "\(row["file"]!)")
                worst = max(worst, abs(risk - Double(row[column]!)!))
            }
            #expect(worst < 0.03, "views \(views)")
            print("DICOM reference, \(views): largest difference \(worst)")
        }
    }

    @Test("the same bits for any kernel set and number of threads")
    func equalBits() async throws {
        var results: Set<String> = []
        let source = try await Installation.ready()
        _ = try await source.run("demo-data", "--count", "1", "--output", source.path("synthetic"))
        for kernels in ["auto", "avx2", "portable"] {
            for threads in ["1", "2", "3"] {
                var longview = try await Installation.ready()
                longview.environment["LONGVIEW_KERNELS"] = kernels
                let run = try await longview.run(["score", "--json", "--threads", threads, source.path("synthetic")])
                if run.errors.contains("this processor") { continue }
                #expect(run.status == 0, "\(run.errors)")
                results.insert("\(try #require(try run.objects[0]["logits"] as? [Double]).map(\.bitPattern))")
            }
        }
        #expect(results.count == 1)
    }

    @Test("two encodings of one radiograph share their picture and their risk; a leg is refused", .needsPydicomData)
    func realRadiographs() async throws {
        let longview = try await Installation.ready()
        let run = try await longview.run([
            "score", "--json", try PydicomData.path("RG1_UNCR.dcm"), try PydicomData.path("RG1_J2KR.dcm"),
            try PydicomData.path("RG3_UNCR.dcm"),
        ])
        #expect(run.status == 2)
        let objects = try run.objects
        #expect(objects.map { $0["status"] as? String } == ["scored", "scored", "refused"])
        #expect(objects[0]["object_sha256"] as? String != objects[1]["object_sha256"] as? String)
        #expect(objects[0]["picture_sha256"] as? String == objects[1]["picture_sha256"] as? String)
        #expect(objects[0]["risk"] as? Double == objects[1]["risk"] as? Double)
        #expect((objects[2]["refusal"] as? [String: String])?["code"] == "body_part_not_accepted")
    }
}

/// The first line a shell command prints.
func shell(_ command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command)")
    return String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
}

/// A CSV file without quoted cells.
struct CSV {
    let rows: [[String: String]]

    init(_ file: URL) throws {
        let lines = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
        let names = try #require(lines.first).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        rows = lines.dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Dictionary(uniqueKeysWithValues: zip(names, cells))
        }
    }
}
