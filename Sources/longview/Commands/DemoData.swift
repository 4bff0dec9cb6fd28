import ArgumentParser
import Foundation
import Imaging

struct DemoData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-data", abstract: "Synthetic chest-like radiographs as DICOM files, for tests and load.",
        discussion: "The same seed gives the same files. Names and identifiers are marked as synthetic.")

    @Option(help: "How many.")
    var count = 4

    @Option(help: "The folder to write to; made if it isn't there.", completion: .directory)
    var output: String

    @Option(help: "Seed of the generator.")
    var seed: UInt64 = 1

    func validate() throws {
        if count < 1 { throw ValidationError("--count must be at least 1") }
    }

    func run() throws {
        let folder = URL(fileURLWithPath: output, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var progress = Progress(total: count)
        for index in 0..<count {
            let bytes = try SyntheticRadiograph.makeDICOM(seed: seed, index: index)
            let name = "synthetic-\(seed)-\(String(format: "%06d", index)).dcm"
            try Data(bytes).write(to: folder.appendingPathComponent(name), options: .atomic)
            progress.advance()
        }
        Console.note("\(count) synthetic radiographs in \(folder.path)")
    }
}
