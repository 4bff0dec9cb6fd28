import ArgumentParser
import Decoding
import Foundation
import Imaging
import Scoring
import Store

/// Commands that look at files. Like everything else they leave reading untrusted bytes to a decoder process.
struct DICOMCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dicom", abstract: "Look at DICOM files: attributes, picture, digest of the pixels.",
        subcommands: [DICOMInfo.self, DICOMRender.self, DICOMDigest.self])

    /// Calls `body` for each file; a file that fails is reported and the rest goes on.
    static func forEach(
        _ files: [String], _ body: (_ file: String, _ bytes: [UInt8], _ decoders: DecoderPool) async throws -> Void
    ) async throws {
        let decoders = Settings().decoders
        var failed = 0
        for file in files {
            do {
                try await body(file, try FileList.read(file), decoders)
            } catch let error as DecoderError {
                // There is no decoder: that would be said of each file.
                throw Failure(error.description)
            } catch {
                Console.note("\(file): \(error)")
                failed += 1
            }
        }
        if failed > 0 { throw failed == files.count ? ExitCode.failure : ExitCode.partial }
    }
}

struct DICOMInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "The attributes of files, patient data included.")

    @Argument(help: "Files.", completion: .file())
    var files: [String]

    @Flag(help: "One JSON object a line, one line an attribute.")
    var json = false

    private struct Entry: Encodable { var file, tag, keyword, vr, value: String; var depth: Int }

    func run() async throws {
        try await DICOMCommands.forEach(files) { file, bytes, decoders in
            let listing = try await decoders.attributes(of: bytes)
            if !json {
                Console.out(Console.bold(file))
                Console.out("  transfer syntax \(listing.transferSyntaxUID)")
                if !listing.deviations.isEmpty {
                    Console.out("  tolerated: \(listing.deviations.joined(separator: ", "))")
                }
            }
            for attribute in listing.attributes {
                if json {
                    let entry = Entry(
                        file: file, tag: attribute.tag.description, keyword: attribute.keyword ?? "",
                        vr: attribute.valueRepresentation, value: attribute.summary, depth: attribute.depth)
                    Console.out(try JSONLine.text(entry))
                } else {
                    let indent = String(repeating: "  ", count: attribute.depth + 1)
                    let keyword = (attribute.keyword ?? "").padding(to: 32)
                    Console.out(
                        "\(indent)\(attribute.tag) \(attribute.valueRepresentation) \(keyword) "
                            + attribute.summary.printable)
                }
            }
        }
    }
}

struct DICOMRender: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "The picture a model is shown, as PNG; a colour picture in its colours.",
        discussion: "With several files, --output is a folder, and pictures are named by the digest of their file.")

    @Argument(help: "Files: DICOM, PNG or JPEG.", completion: .file())
    var files: [String]

    @Option(help: "The PNG file, or a folder.", completion: .file())
    var output: String

    @Option(
        help: "The window: none, first_window, first_lut, or an explanation that the object gives one.",
        transform: Self.voiSelection)
    var voi: VOISelection = .none

    func run() async throws {
        let profile = try PreprocessingProfile.cxrRisk(voi: voi)
        if files.count > 1 {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: output, isDirectory: &isFolder)
        try await DICOMCommands.forEach(files) { file, bytes, decoders in
            let picture = try await decoders.pngFile(of: bytes, profile: profile)
            // No file name is ever made from what an object says of itself.
            let target =
                isFolder.boolValue
                ? URL(fileURLWithPath: output, isDirectory: true).appendingPathComponent(
                    ObjectRecord(bytes: bytes).sha256 + ".png")
                : URL(fileURLWithPath: output)
            try Data(picture.file).write(to: target, options: .atomic)
            Console.out("\(file)  \(picture.width) × \(picture.height)  \(target.path)")
        }
    }

    private static func voiSelection(_ argument: String) -> VOISelection {
        switch argument {
        case "none": .none
        case "first_window": .firstWindow
        case "first_lut": .firstLUT
        default: .named(argument)
        }
    }
}

struct DICOMDigest: AsyncParsableCommand {
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

    func run() async throws {
        var refused = 0
        try await DICOMCommands.forEach(files) { file, bytes, decoders in
            var entry = Entry(file: file)
            do {
                let digest = try await decoders.storedPixelDigest(of: bytes)
                entry.transfer_syntax = digest.transferSyntaxUID
                entry.photometric_interpretation = digest.photometricInterpretation
                (entry.rows, entry.columns, entry.frames) = (digest.rows, digest.columns, digest.frames)
                entry.bits_stored = digest.bitsStored
                (entry.stored_min, entry.stored_max) = (digest.minimum, digest.maximum)
                entry.stored_pixels_sha256 = digest.sha256
            } catch let error as UnreadableObject {
                entry.refusal = .init(code: error.code, message: error.message)
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
