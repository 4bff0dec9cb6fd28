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
        let expected = try shell(
            "python3 -c \"import struct,hashlib;"
                + "print(hashlib.sha256(b''.join(struct.pack('<i',(i*37+i//48*5*11+5)&0xFFF) for i in range(64*48))).hexdigest())\""
        )
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
