import ArgumentParser
import Decoding
import Foundation

struct BenchQueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Time radiographs from C-STORE to committed record.",
        discussion: """
            In an installation of its own, below the folder for temporary files: a private PostgreSQL that syncs every \
            commit, and `longview serve` of this program as a process. Sends copies of FILES (synthetic radiographs \
            where there are none), each with a SOP Instance UID of its own, waits until each has its committed record, \
            and then sends some one by one. The network's own time is taken in this process while the server is idle. \
            With - instead of files, each line on standard input is a folder of DICOM files with SOP Instance UIDs of \
            their own; it is processed and answered before the next line is read, so that a script can take turns.
            """)

    @Argument(help: "DICOM files and folders, or - to read folders from standard input.", completion: .file())
    var files: [String] = []

    @Option(help: "The folder of the package to score with.", completion: .directory)
    var package = "models/nih-pneumonia-1"

    @Option(help: "inception-v4: in full size with random weights, in all else as the package describes itself.")
    var architecture: String?

    @Option(help: "Radiographs sent together.")
    var count = 60

    @Option(help: "Radiographs sent one by one after those; of a folder, its last ones.")
    var lone = 5

    @Option(help: "Associations at once.")
    var associations = 4

    @Option(help: "Threads that compute; the default is LONGVIEW_THREADS, else one a core.")
    var threads: Int?

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "With --json: also the risk of each SOP Instance UID.")
    var risks = false

    func validate() throws {
        guard 1...100_000 ~= count else { throw ValidationError("--count must be 1 to 100000") }
        guard 0...1000 ~= lone else { throw ValidationError("--lone must be 0 to 1000") }
        // As many as a receiver allows one caller.
        guard 1...10 ~= associations else { throw ValidationError("--associations must be 1 to 10") }
        if let architecture, architecture != "inception-v4" {
            throw ValidationError("the architecture “\(architecture)” is unknown; there is inception-v4")
        }
    }

    /// Radiographs that go before and don't count.
    private static let warmUp = 4

    func run() async throws {
        let (found, missing) = FileList.files(in: files == ["-"] ? [] : files)
        if let path = missing.first { throw Failure("\(path): there is no such file or folder") }
        guard files.isEmpty || files == ["-"] || !found.isEmpty else {
            throw Failure("there is no file in the folders given")
        }
        let queue = ComputeQueue("command", concurrent: false)
        let (package, isFullSize) = (URL(fileURLWithPath: package, isDirectory: true), architecture != nil)
        try await BenchSite.with(threads: threads) { folder, options in
            isFullSize ? try BenchPackage.fullSize(like: package, in: folder, options) : package
        } _: { running in
            let bench = try QueueBench(running, associations: associations)
            guard files != ["-"] else {
                while let folder = try await queue.run({ readLine() }) {
                    let (files, missing) = FileList.files(in: [folder])
                    guard missing.isEmpty else { throw Failure("\(folder): there is no such folder") }
                    try await answer(bench, files)
                }
                return
            }
            let (count, folder) = (
                Self.warmUp + count + lone, running.site.folder.appendingPathComponent("radiographs")
            )
            let made = try await queue.run { try BenchRadiographs.write(count, of: found, into: folder) }
            try await bench.warmUp(Array(made.prefix(Self.warmUp)))
            try await answer(bench, Array(made.dropFirst(Self.warmUp)))
        }
    }

    private func answer(_ bench: QueueBench, _ files: [String]) async throws {
        var figures = try await bench.round(files, lone: lone)
        if !risks { figures.risks = nil }
        if json {
            Console.out(try JSONLine.text(figures))
        } else {
            for line in figures.lines { Console.out(line) }
        }
    }
}
