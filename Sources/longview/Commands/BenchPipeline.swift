import ArgumentParser
import DICOM
import Decoding
import Foundation
import Imaging

struct BenchPipeline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline", abstract: "Time the steps from a file to the picture a model is shown.",
        discussion: """
            Stage decode: from a file in the page cache to stored values (read, parse, decode), and from those to the \
            rendered picture, in this process and without the decoder's confinement: for files that are trusted. With \
            - instead of files, names are read from standard input, one a line, and each is answered before the next \
            is read, so that a script can take turns with other decoders.
            """)

    enum Stage: String, CaseIterable, ExpressibleByArgument { case decode }

    @Option(help: "What to time.")
    var stage = Stage.decode

    @Option(help: "How often, after one run that is not counted.")
    var iterations = 20

    @Flag(help: "One JSON object a line.")
    var json = false

    @Argument(help: "DICOM files, or - to read their names from standard input.", completion: .file())
    var files: [String]

    private struct Times: Encodable {
        let median, min: Double

        init(_ milliseconds: [Double]) {
            min = milliseconds.min()!
            median = milliseconds.median
        }
    }

    private struct Entry: Encodable {
        let file, stage, transfer_syntax: String
        let rows, columns, bits_stored, iterations: Int
        let decode_ms, render_ms: Times
        /// What decoding took of all processors: more than decode_ms where it had several.
        let decode_cpu_ms: Times
        let cpu: String
        let threads: Int
        let peak_rss_mib: Double
    }

    func validate() throws {
        if iterations < 1 { throw ValidationError("--iterations must be at least 1") }
    }

    func run() throws {
        if files == ["-"] {
            while let file = readLine() { try answer(file) }
        } else {
            var failed = 0
            for file in files {
                do {
                    try answer(file)
                } catch {
                    Console.note("\(file): \(error)")
                    failed += 1
                }
            }
            if failed > 0 { throw failed == files.count ? ExitCode.failure : ExitCode.partial }
        }
    }

    private func answer(_ file: String) throws {
        var decode: [Double] = []
        var processor: [Double] = []
        var render: [Double] = []
        var described: (syntax: String, pixels: StoredPixels)?
        for iteration in 0...iterations {
            var clock = Stopwatch()
            let before = Machine.processorMilliseconds
            let object = try DICOMObject(bytes: try FileList.read(file))
            let pixels = try object.storedPixels()
            let decoded = clock.lap()
            let used = Machine.processorMilliseconds - before
            _ = try Radiograph(pixels, of: object.dataset, profile: .cxrRisk)
            let rendered = clock.lap()
            guard iteration > 0 else {
                described = (object.transferSyntaxUID, pixels)
                continue
            }
            decode.append(decoded)
            render.append(rendered)
            processor.append(used)
        }
        guard let (syntax, pixels) = described else { return }
        let entry = Entry(
            file: file, stage: stage.rawValue, transfer_syntax: syntax, rows: pixels.rows, columns: pixels.columns,
            bits_stored: pixels.bitsStored, iterations: iterations, decode_ms: Times(decode), render_ms: Times(render),
            decode_cpu_ms: Times(processor), cpu: Machine.processor,
            threads: ProcessInfo.processInfo.activeProcessorCount, peak_rss_mib: Machine.peakResidentMiB)
        if json {
            Console.out(try JSONLine.text(entry))
        } else {
            Console.out(
                "\(file)  decode \(entry.decode_ms.median.formatted(decimals: 2)) ms  "
                    + "render \(entry.render_ms.median.formatted(decimals: 2)) ms")
        }
    }
}
