import DICOM
import TestSupport
import Foundation
import Testing

/// DCMTK's command line programs, as the other side.
enum Tool {
    static let areInstalled = ["dcmdump", "dcmconv", "dcmcrle", "dcmcjpeg", "dcmcjpls"].allSatisfy { name in
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name)
    }

    /// Runs a program on a file with `input` and returns what it wrote to its last argument, an output file.
    static func convert(_ name: String, _ arguments: [String], _ input: [UInt8]) throws -> [UInt8] {
        try withFolder { folder in
            let (source, target) = (folder.appending(path: "in.dcm"), folder.appending(path: "out.dcm"))
            try Data(input).write(to: source)
            let (status, output) = try run(name, arguments + [source.path, target.path])
            try #require(status == 0, "\(name): \(output)")
            return [UInt8](try Data(contentsOf: target))
        }
    }

    /// Runs a program on a file with `input` and returns all it printed.
    static func output(of name: String, _ arguments: [String], on input: [UInt8]) throws -> (Int32, String) {
        try withFolder { folder in
            let source = folder.appending(path: "in.dcm")
            try Data(input).write(to: source)
            return try run(name, arguments + [source.path])
        }
    }

    private static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "longview-dicom-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    private static func run(_ name: String, _ arguments: [String]) throws -> (Int32, String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/" + name)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

@Suite("beside DCMTK's programs", .enabled(if: Tool.areInstalled, "needs the package dcmtk"))
struct ToolTests {
    @Test("what the builder writes is accepted without a warning", arguments: [8, 12, 16])
    func accepted(_ bits: Int) throws {
        var builder = try Sample.radiograph(bitsStored: bits)
        try builder.set(.patientName, "Müller^Jürgen")
        var code = DICOMBuilder()
        try code.set(.codeValue, "399348003")
        builder.set(.viewCodeSequence, items: [code])
        let (status, output) = try Tool.output(of: "dcmdump", ["-v"], on: try builder.file())
        #expect(status == 0)
        #expect(!output.contains("W: ") && !output.contains("E: "), "\(output)")
        #expect(output.contains("(0010,0020) LO [T-1]"))
    }

    @Test(
        "another encoding of the same object holds the same values",
        arguments: [
            ("+ti", "1.2.840.10008.1.2"), ("+te", "1.2.840.10008.1.2.1"), ("+tb", "1.2.840.10008.1.2.2"),
            ("+td", "1.2.840.10008.1.2.1.99"),
        ], [(8, false), (12, false), (12, true), (16, false), (16, true)])
    func encodings(_ encoding: (option: String, uid: String), _ pixels: (bits: Int, signed: Bool)) throws {
        // An odd number of bytes, so that the pair swapped in big endian reaches into the padding.
        let builder = try Sample.radiograph(rows: 5, columns: 7, bitsStored: pixels.bits, signed: pixels.signed)
        let file = try builder.file()
        let converted = try DICOMObject(bytes: try Tool.convert("dcmconv", [encoding.option], file))
        #expect(converted.transferSyntaxUID == encoding.uid)
        #expect(try converted.storedPixels().values == DICOMObject(bytes: file).storedPixels().values)
        #expect(converted.dataset.string(.patientName) == "Test^Radiograph")
        #expect(try converted.dataset.decimals(.pixelSpacing) == [0.2, 0.25])
    }

    @Test("without meta information the encoding is found", arguments: ["+ti", "+te", "+tb"])
    func bareDataSet(_ option: String) throws {
        let file = try Sample.radiograph().file()
        let bare = try DICOMObject(bytes: try Tool.convert("dcmconv", ["-F", option], file))
        #expect(try bare.storedPixels().values == DICOMObject(bytes: file).storedPixels().values)
        #expect(bare.deviations.starts(with: ["missing_preamble", "missing_meta_header"]))
    }

    @Test(
        "lossless compression gives the values back",
        arguments: [
            ("dcmcrle", []), ("dcmcjpeg", ["+e1"]), ("dcmcjpeg", ["+el"]), ("dcmcjpls", ["+el"]),
        ], [(8, false), (10, false), (12, true), (16, false), (16, true)])
    func lossless(_ codec: (name: String, options: [String]), _ pixels: (bits: Int, signed: Bool)) throws {
        let file = try Sample.radiograph(rows: 37, columns: 41, bitsStored: pixels.bits, signed: pixels.signed).file()
        let object = try DICOMObject(bytes: try Tool.convert(codec.name, codec.options, file))
        #expect(object.transferSyntaxUID != DICOMUID.explicitLittleEndian)
        #expect(try object.storedPixels().values == DICOMObject(bytes: file).storedPixels().values)
    }

    @Test(
        "near-lossless and lossy compression stay near",
        arguments: [
            ("dcmcjpls", ["+en", "+md", "2"], 2), ("dcmcjpeg", ["+ee", "+q", "95"], 400),
            ("dcmcjpeg", ["+eb", "+q", "95"], 25),
        ])
    func lossy(_ codec: (name: String, options: [String], difference: Int)) throws {
        let bits = codec.options[0] == "+eb" ? 8 : 12
        // A ramp: noise is what lossy codecs are bad at.
        var builder = try Sample.header()
        let step = bits == 8 ? 2 : 32
        let ramp: [UInt16] = (0..<4096).map { (index: Int) in UInt16((index % 64 + index / 64) * step) }
        try builder.setPixels(ramp, rows: 64, columns: 64, bitsStored: bits)
        let object = try DICOMObject(bytes: try Tool.convert(codec.name, codec.options, try builder.file()))
        let differences = zip(try object.storedPixels().values, ramp).map { abs($0 - Int($1)) }
        #expect(differences.max()! <= codec.difference)
        #expect(object.transferSyntaxUID != DICOMUID.explicitLittleEndian)
    }

    @Test(
        "a code stream whose dimensions differ from Rows is refused before it is decoded",
        arguments: [
            ("dcmcrle", []), ("dcmcjpeg", ["+e1"]), ("dcmcjpls", ["+el"]),
        ])
    func codestreamMismatch(_ codec: (name: String, options: [String])) throws {
        let file = try Sample.radiograph(rows: 16, columns: 16).file()
        var bytes = try Tool.convert(codec.name, codec.options, file)
        // Rows (0028,0010) US 2 bytes: 16 becomes 160.
        let rows = try #require(
            bytes.indices.first { bytes[$0...].starts(with: [0x28, 0, 0x10, 0, 0x55, 0x53, 2, 0, 16]) })
        bytes[rows + 8] = 160
        let changed = bytes
        let error = #expect(throws: DICOMError.self) { try DICOMObject(bytes: changed).storedPixels() }
        // RLE has no dimensions of its own: the data ends too soon.
        #expect(error?.code == (codec.name == "dcmcrle" ? .decodeFailed : .pixelDataMismatch))
    }

    @Test(
        "a code stream of 8 bits may stand for cells of 16", arguments: [("dcmcjpeg", ["+e1"]), ("dcmcjpls", ["+el"])])
    func narrowCodestream(_ codec: (name: String, options: [String])) throws {
        let file = try Sample.radiograph(rows: 16, columns: 16, bitsStored: 8).file()
        var bytes = try Tool.convert(codec.name, codec.options, file)
        // Bits Allocated (0028,0100) US 2 bytes: 8 becomes 16.
        let cells = try #require(
            bytes.indices.first { bytes[$0...].starts(with: [0x28, 0, 0, 1, 0x55, 0x53, 2, 0, 8]) })
        bytes[cells + 8] = 16
        #expect(try DICOMObject(bytes: bytes).storedPixels().values == DICOMObject(bytes: file).storedPixels().values)
    }

    @Test(
        "one bit changed in compressed pixel data: a picture or a typed error",
        arguments: [
            ("dcmcrle", []), ("dcmcjpeg", ["+e1"]), ("dcmcjpls", ["+el"]), ("dcmcjpeg", ["+ee"]),
        ])
    func damagedCodestream(_ codec: (name: String, options: [String])) throws {
        let bytes = try Tool.convert(codec.name, codec.options, try Sample.radiograph(rows: 16, columns: 16).file())
        var generator = SeededGenerator(state: 11)
        for index in max(0, bytes.count - 600)..<bytes.count {
            var changed = bytes
            changed[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            do {
                #expect(try DICOMObject(bytes: changed).storedPixels().values.count == 256)
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}
