import ArgumentParser
import Crypto
import DICOM
import Foundation
import Imaging

struct DICOMCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dicom", abstract: "Look at DICOM files: attributes, picture, digest of the pixels.",
        subcommands: [DICOMInfo.self, DICOMRender.self, DICOMDigest.self])

    /// Calls `body` for each file; a file that fails is reported and the rest goes on.
    static func forEach(_ files: [String], _ body: (String, [UInt8]) throws -> Void) throws {
        var failed = 0
        for file in files {
            do {
                try body(file, try FileList.read(file))
            } catch {
                Console.note("\(file): \(error)")
                failed += 1
            }
        }
        if failed > 0 { throw failed == files.count ? ExitCode.failure : ExitCode.partial }
    }
}

struct DICOMInfo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "The attributes of files, patient data included.")

    @Argument(help: "Files.", completion: .file())
    var files: [String]

    @Flag(help: "One JSON object a line, one line an attribute.")
    var json = false

    private struct Entry: Encodable { var file, tag, keyword, vr, value: String; var depth: Int }

    func run() throws {
        try DICOMCommands.forEach(files) { file, bytes in
            let object = try DICOMObject(bytes: bytes)
            if !json {
                Console.out(Console.bold(file))
                Console.out("  transfer syntax \(object.transferSyntaxUID)")
                if !object.deviations.isEmpty {
                    Console.out("  tolerated: \(object.deviations.joined(separator: ", "))")
                }
            }
            for attribute in object.attributes {
                if json {
                    let entry = Entry(
                        file: file, tag: attribute.tag.description, keyword: attribute.keyword ?? "",
                        vr: attribute.valueRepresentation, value: attribute.summary, depth: attribute.depth)
                    Console.out(try JSONLine.text(entry))
                } else {
                    let indent = String(repeating: "  ", count: attribute.depth + 1)
                    let keyword = (attribute.keyword ?? "").padding(to: 32)
                    Console.out(
                        "\(indent)\(attribute.tag) \(attribute.valueRepresentation) \(keyword) \(attribute.summary)")
                }
            }
        }
    }
}

struct DICOMRender: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "The picture a model is shown, as PNG.",
        discussion: "With several files, --output is a folder, and pictures are named by the digest of their file.")

    @Argument(help: "Files: DICOM, PNG or JPEG.", completion: .file())
    var files: [String]

    @Option(help: "The PNG file, or a folder.", completion: .file())
    var output: String

    func run() throws {
        let profile = PreprocessingProfile.cxrRisk
        if files.count > 1 {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: output, isDirectory: &isFolder)
        try DICOMCommands.forEach(files) { file, bytes in
            let radiograph = try Self.radiograph(bytes, profile)
            // No file name is ever made from what an object says of itself.
            let target =
                isFolder.boolValue
                ? URL(fileURLWithPath: output, isDirectory: true)
                    .appendingPathComponent(radiograph.picture.sha256 + ".png")
                : URL(fileURLWithPath: output)
            try Data(try radiograph.picture.pngFile()).write(to: target, options: .atomic)
            Console.out("\(file)  \(radiograph.picture.width) × \(radiograph.picture.height)  \(target.path)")
        }
    }

    private static func radiograph(_ bytes: [UInt8], _ profile: PreprocessingProfile) throws -> Radiograph {
        if ImageFileKind.sniff(bytes) != nil { return try Radiograph(imageFile: bytes) }
        let object = try DICOMObject(bytes: bytes)
        return try Radiograph(try object.storedPixels(), of: object.dataset, profile: profile)
    }
}

struct DICOMDigest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "SHA-256 of the stored pixel values, before any look-up table.")

    @Argument(help: "Files.", completion: .file())
    var files: [String]

    @Flag(help: "One JSON object a line.")
    var json = false

    private struct Entry: Encodable {
        struct Refusal: Encodable { var code, message: String }
        var file: String
        var transfer_syntax, photometric_interpretation: String?
        var rows, columns, frames, bits_stored, stored_min, stored_max: Int?
        var stored_pixels_sha256: String?
        var refusal: Refusal?
    }

    func run() throws {
        var refused = 0
        try DICOMCommands.forEach(files) { file, bytes in
            var entry = Entry(file: file)
            do {
                let object = try DICOMObject(bytes: bytes)
                entry.transfer_syntax = object.transferSyntaxUID
                let pixels = try object.storedPixels()
                entry.photometric_interpretation = pixels.photometricInterpretation
                (entry.rows, entry.columns, entry.frames) = (pixels.rows, pixels.columns, pixels.frameCount)
                entry.bits_stored = pixels.bitsStored
                (entry.stored_min, entry.stored_max) = (pixels.minimum, pixels.maximum)
                entry.stored_pixels_sha256 = SHA256.hex(of: pixels)
            } catch let error as DICOMError {
                entry.refusal = .init(code: error.code.rawValue, message: error.message)
                refused += 1
            }
            if json {
                Console.out(try JSONLine.text(entry))
            } else if let digest = entry.stored_pixels_sha256 {
                Console.out("\(digest)  \(file)")
            } else if let refusal = entry.refusal {
                Console.note("\(file): \(refusal.code): \(refusal.message)")
            }
        }
        if refused > 0 { throw refused == files.count ? ExitCode.failure : ExitCode.partial }
    }
}

extension SHA256 {
    /// The digest of stored pixel values before any look-up table: each as a little-endian 32-bit integer.
    fileprivate static func hex(of pixels: StoredPixels) -> String {
        var hash = SHA256()
        pixels.withLittleEndianInt32Chunks { hash.update(bufferPointer: $0) }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
}
