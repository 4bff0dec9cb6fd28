import Foundation
import TestSupport
import Testing

@Suite("model quantize")
struct QuantizeTests {
    @Test("an int8 model is made, imported, shown, verified, scores, replays and predicts beside the original")
    func life() async throws {
        let longview = try await Installation.ready()
        for number in 0..<3 { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
        let original = "nih-pneumonia@1"
        let made = try await longview.run(
            "model", "quantize", original, "--images", longview.path("in"), "--output", longview.path("int8"),
            "--version", "1-int8")
        #expect(made.status == 0, "\(made.errors)")
        let again = try await longview.run(
            "model", "quantize", original, "--images", longview.path("in"), "--output", longview.path("other"),
            "--version", "1-int8")
        let files = ["model.json", "weights.safetensors"]
        for file in files {
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: longview.path("int8/\(file)")))
                    == Data(contentsOf: URL(fileURLWithPath: longview.path("other/\(file)"))), "made twice: \(file)")
        }
        #expect(again.status == 0)

        #expect(try await longview.run("model", "import", longview.path("int8")).output.contains("registered\n"))
        let listed = try await longview.run("model", "list", "--json").objects
        #expect(listed.compactMap { $0["arithmetic"] as? String }.sorted() == ["float32", "int8"])
        let shown = try await longview.run("model", "show", "nih-pneumonia@1-int8").output
        #expect(shown.contains("int8") && shown.contains("nih-pneumonia@1 in float32"))
        #expect(try await longview.run("model", "verify").status == 0)
        // Nothing is substituted: without --model, two could be meant.
        let ambiguous = try await longview.run("score", longview.path("in"))
        #expect(ambiguous.status == 1 && ambiguous.errors.contains("more than one model"))

        var risks: [[Double]] = []
        var last = ""
        for model in [original, "nih-pneumonia@1-int8"] {
            let run = try await longview.run("score", "--json", "--model", model, longview.path("in"))
            #expect(run.status == 0, "\(run.errors)")
            risks.append(try run.objects.compactMap { $0["risk"] as? Double })
            let id = try #require(try run.objects[0]["inference_id"] as? String)
            last = id
            let engine = try await longview.run("show", id).output.contains("int8-1 on")
            #expect(engine == (model != original))
        }
        #expect(risks[0] != risks[1])
        for (exact, near) in zip(risks[0], risks[1]) { #expect(abs(exact - near) < 0.1) }
        let replay = try await longview.run("replay", "--all", "--json")
        #expect(replay.status == 0, "\(replay.errors)")
        #expect(try replay.objects.count == 6)
        var portable = longview
        portable.environment["LONGVIEW_KERNELS"] = "portable"
        let elsewhere = try await portable.run("replay", last)
        #expect(elsewhere.status == 0 && elsewhere.output.contains("equal"), "\(elsewhere.errors)")
        let refused = try await longview.run(
            "model", "quantize", "nih-pneumonia@1-int8", "--images", longview.path("in"), "--output",
            longview.path("third"), "--version", "2")
        #expect(refused.status == 1 && refused.errors.contains("is an int8 model already"), "\(refused.errors)")
        let nothing = try await longview.run(
            "model", "quantize", original, "--images", longview.path("int8"), "--output", longview.path("third"),
            "--version", "2")
        #expect(nothing.status == 1 && nothing.errors.contains("none of the files"), "\(nothing.errors)")
        #expect(!FileManager.default.fileExists(atPath: longview.path("third")))
    }

    @Test("altered int8 weights are refused when imported, and found by verify")
    func altered() async throws {
        let longview = try await Installation.ready()
        _ = try longview.write("in/0", try SmallRadiograph.file(0))
        let made = try await longview.run(
            "model", "quantize", "nih-pneumonia", "--images", longview.path("in"), "--output", longview.path("int8"),
            "--version", "1-int8", "--percentile", "99.99")
        #expect(made.status == 0, "\(made.errors)")
        let file = URL(fileURLWithPath: longview.path("int8/weights.safetensors"))
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 1000] ^= 1
        try bytes.write(to: file)
        let run = try await longview.run("model", "import", longview.path("int8"))
        #expect(run.status == 3 || run.status == 1, "\(run.status)")
        #expect(run.errors.contains("altered or damaged"), "\(run.errors)")
    }

    /// Area under the ROC curve.
    private func auc(_ risks: [(risk: Double, label: String)]) -> Double {
        let (ill, well) = (risks.filter { $0.label == "pneumonia" }, risks.filter { $0.label == "no-finding" })
        let pairs = ill.flatMap { a in well.map { b in a.risk > b.risk ? 1 : a.risk == b.risk ? 0.5 : 0 } }
        return pairs.reduce(0, +) / Double(pairs.count)
    }

    @Test("risks of the shipped model stay within 0.02, and its AUC within 0.005, of float32", .needsSharedData)
    func accuracy() async throws {
        let longview = try await Installation.ready()
        let images = SharedData.url("data/radiographs/images")
        let validation = try CSV(SharedData.url("models/nih-pneumonia-1/validation.csv")).rows
        let known = Set(validation.map { $0["file"]! })
        // Other radiographs of the same kind to calibrate by; all that are free to use.
        let others = try CSV(SharedData.url("data/radiographs/manifest.csv")).rows
            .filter { !known.contains($0["file"]!) && $0["label"] != "covid-19" }
            .map { images.appendingPathComponent($0["file"]!).path }
        let made = try await longview.run(
            [
                "model", "quantize", "nih-pneumonia@1", "--version", "1-int8", "--output", longview.path("int8"),
                "--limit", "\(Drill.rounds(short: 24, long: 128))", "--images",
            ] + others)
        #expect(made.status == 0, "\(made.errors)")
        _ = try await longview.run("model", "import", longview.path("int8"))
        let rows = validation.enumerated().filter { Drill.isLong || $0.offset % 9 == 0 }.map(\.element)
        let run = try await longview.run(
            ["score", "--json", "--model", "nih-pneumonia@1-int8"]
                + rows.map { images.appendingPathComponent($0["file"]!).path })
        #expect(run.status == 0, "\(run.errors)")
        let risks = try run.objects.compactMap { $0["risk"] as? Double }
        try #require(risks.count == rows.count)
        let differences = zip(risks, rows).map { abs($0 - Double($1["risk_nine_views"]!)!) }
        let within = Double(differences.filter { $0 <= 0.02 }.count) / Double(differences.count)
        let int8 = auc(zip(risks, rows).map { ($0, $1["label"]!) })
        let float32 = auc(rows.map { (Double($0["risk_nine_views"]!)!, $0["label"]!) })
        print("int8: \(within) of \(risks.count) within 0.02, at most \(differences.max()!); AUC \(int8), \(float32)")
        // Without the correction of biases it is 0.07.
        #expect(differences.max()! < 0.03)
        guard Drill.isLong else { return }
        #expect(within >= 0.99)
        #expect(abs(int8 - float32) <= 0.005)
    }
}
