import DICOM
import Foundation
import TestSupport
import Testing

@Suite("dicom info, render, digest")
struct DICOMCommandTests {
    @Test("the digest is over the stored values as little-endian 32-bit integers")
    func digest() async throws {
        let longview = try await Installation(privateCluster: true)
        let file = try longview.write("a.dcm", try SmallRadiograph.file(5))
        let entry = try #require(try await longview.run("dicom", "digest", "--json", file).objects.first)
        #expect(entry["rows"] as? Int == 64)
        #expect(entry["columns"] as? Int == 48)
        #expect(entry["bits_stored"] as? Int == 12)
        var values: [UInt8] = []
        for value in SmallRadiograph.pixels(5) { values += [UInt8(value & 0xFF), UInt8(value >> 8), 0, 0] }
        let path = try longview.write("values", values)
        let expected = try shell("sha256sum '\(path)' | cut -c 1-64")
        #expect(entry["stored_pixels_sha256"] as? String == expected)
    }

    @Test("a refused file has its reason; the rest goes on with status 2")
    func refused() async throws {
        let longview = try await Installation(privateCluster: true)
        let good = try longview.write("a.dcm", try SmallRadiograph.file(5))
        let bad = try longview.write("b.dcm", [])
        let run = try await longview.run("dicom", "digest", "--json", bad, good)
        #expect(run.status == 2)
        #expect((try run.objects[0]["refusal"] as? [String: String])?["code"] == "empty_file")
        #expect(try run.objects[1]["stored_pixels_sha256"] is String)
        #expect(try await longview.run("dicom", "info", bad).status == 1)
    }

    @Test("the picture is written as PNG, and its file is never named by what the object says")
    func render() async throws {
        let longview = try await Installation(privateCluster: true)
        let files = try (1...2).map { try longview.write("\($0).dcm", try SmallRadiograph.file($0)) }
        let one = try await longview.run("dicom", "render", files[0], "--output", longview.path("one.png"))
        #expect(one.status == 0, "\(one.errors)")
        #expect(try shell("pngtopnm '\(longview.path("one.png"))' | head -n 2 | tr '\\n' ' '") == "P5 512 683 ")
        let two = try await longview.run(["dicom", "render"] + files + ["--output", longview.path("out")])
        #expect(two.status == 0, "\(two.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: longview.path("out"))
        #expect(names.count == 2)
        #expect(names.allSatisfy { $0.count == 68 && $0.hasSuffix(".png") })
    }

    @Test("attributes are listed by tag, representation and keyword")
    func info() async throws {
        let longview = try await Installation(privateCluster: true)
        let file = try longview.write("a.dcm", try SmallRadiograph.file(5))
        let run = try await longview.run("dicom", "info", file)
        #expect(run.status == 0)
        #expect(run.output.contains("(0010,0020) LO PatientID"))
        #expect(run.output.contains("SMALL-5"))
    }

    @Test(
        "dicom digest gives the reference digest of every file of the corpus, or a reason, from a confined process",
        .needsSharedData)
    func corpus() async throws {
        let longview = try await Installation(privateCluster: true)
        let files = ManifestRow.all.map { SharedData.url("data/dicom/" + $0.file).path }
        let run = try await longview.run(["dicom", "digest", "--json"] + files)
        #expect(run.status == 2, "\(run.errors)")
        let entries = try run.objects
        #expect(entries.count == ManifestRow.all.count)
        for (row, entry) in zip(ManifestRow.all, entries) {
            let refusal = entry["refusal"] as? [String: String]
            switch row.expected {
            case "no_image", "refuse":
                #expect(refusal?["message"]?.isEmpty == false, "\(row.file)")
                #expect(refusal?["code"]?.hasPrefix("decoder_") == false, "\(row.file)")
            default: #expect(entry["stored_pixels_sha256"] as? String == row.digest, "\(row.file)")
            }
        }
    }

    @Test("a window is applied as asked for, and a colour picture keeps its colours", .needsSharedData)
    func windowAndColour() async throws {
        let longview = try await Installation(privateCluster: true)
        func render(_ name: String, _ arguments: String...) async throws -> String {
            let output = longview.path(UUID().uuidString + ".png")
            let file = SharedData.url("data/dicom/\(name).dcm").path
            let run = try await longview.run(["dicom", "render", file, "--output", output] + arguments)
            #expect(run.status == 0, "\(run.errors)")
            return try shell("pngtopnm '\(output)' | head -c 2; pngtopnm '\(output)' | sha256sum")
        }
        let plain = try await render("CR-MONO1-10-chest")
        #expect(try await render("CR-MONO1-10-chest", "--voi", "first_window") != plain)
        #expect(try await render("CR-MONO1-10-chest", "--voi", "none") == plain)
        #expect(try await render("SC_rgb_3x3").hasPrefix("P6"))
        #expect(try await render("ALOKA_palette16_bigendian").hasPrefix("P6"))
    }
}

@Suite("bench pipeline")
struct BenchPipelineTests {
    @Test("decoding and rendering of a file are timed, and the machine is named")
    func decode() async throws {
        let longview = try await Installation(privateCluster: true)
        let file = try longview.write("a.dcm", try SmallRadiograph.file(5))
        let run = try await longview.run("bench", "pipeline", "--stage", "decode", "--iterations", "3", "--json", file)
        let entry = try #require(try run.objects.first)
        #expect(run.status == 0, "\(run.errors)")
        #expect(entry["transfer_syntax"] as? String == DICOMUID.explicitLittleEndian)
        #expect(entry["iterations"] as? Int == 3)
        #expect(entry["cpu"] is String)
        for step in ["decode_ms", "render_ms"] {
            let times = try #require(entry[step] as? [String: Double])
            #expect(try #require(times["median"]) >= #require(times["min"]))
            #expect(try #require(times["min"]) > 0)
        }
    }

    @Test("a file that can't be decoded is reported, with status 1")
    func undecodable() async throws {
        let longview = try await Installation(privateCluster: true)
        let file = try longview.write("b.dcm", [1, 2, 3])
        let run = try await longview.run("bench", "pipeline", file)
        #expect(run.status == 1)
        #expect(run.errors.contains("b.dcm"))
    }
}
