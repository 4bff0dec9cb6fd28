import ArgumentParser
import Foundation
import Service
import ServiceLifecycle
import Store

/// How a worker works.
struct WorkerOptions: ParsableArguments {
    @Option(help: "Threads that compute; the default is the number of cores.")
    var threads: Int?

    @Option(
        help: """
            Do one of two stages: decode what lies in this machine's object folder, or score what other workers decoded. \
            The default is both.
            """)
    var stage: JobStage?

    @Option(help: "Seconds after which the jobs of a worker that is not heard of are free again.")
    var lease = 120.0

    @Option(help: "Days after the last of its jobs ended that an object's bytes are kept; records and pictures stay.")
    var keepObjects = 30

    var stages: Set<JobStage> { stage.map { [$0] } ?? Set(JobStage.allCases) }

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        guard 1...86_400 ~= lease else { throw ValidationError("--lease must be 1 to 86400") }
        guard 0...36_500 ~= keepObjects else { throw ValidationError("--keep-objects must be 0 to 36500") }
    }
}

extension LongRunning {
    /// A worker with this machine's models, and what removes the bytes of objects that are done from its folder.
    func workers(_ options: WorkerOptions) -> [any ServiceLifecycle.Service] {
        options.stages.contains(.decode)
            ? [worker(options), retention(days: options.keepObjects)] : [worker(options)]
    }
}

struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score what is in the queue, until told to stop.",
        discussion: """
            Scores with every active model, and with shadows while there is nothing else to do; looks every two \
            seconds which models are in use. Removes the bytes of objects some time after they were scored. Any number \
            of workers may run, on any machines that see the object folder; with --stage score on any that reach the \
            database. SIGTERM and SIGINT end it in order: what \
            is in the network is finished, the rest goes back to the queue. Decoders must be confined, unless \
            LONGVIEW_REQUIRE_CONFINEMENT is 0.
            """)

    @OptionGroup var worker: WorkerOptions

    func run() async throws {
        let parts = try await LongRunning(Settings(), handlesObjects: worker.stages.contains(.decode))
        try await parts.run("worker", parts.workers(worker))
    }
}

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take in the files that are put into a folder, until told to stop.",
        discussion: """
            Files are taken in when they are complete; hidden ones, links and pipes never. Without --done they stay \
            where they are and are known by their bytes. Something that scores must run as well: longview work.
            """)

    @Argument(help: "The folder, watched with all that is in it.", completion: .directory)
    var folder: String

    @Option(help: "Move files here when they were taken in.", completion: .directory)
    var done: String?

    @Option(help: "Move files here that can't be taken in.", completion: .directory)
    var failed: String?

    @Flag(help: "What comes this way is scored before the rest.")
    var stat = false

    @Option(help: "Seconds between looks at the folder, for file systems that report no changes.")
    var interval = 10.0

    func validate() throws {
        guard 0.1...3600 ~= interval else { throw ValidationError("--interval must be 0.1 to 3600") }
    }

    func run() async throws {
        let location = URL(fileURLWithPath: folder, isDirectory: true)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: location.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("\(folder): there is no such folder")
        }
        var watched = FolderWatcher.Settings(folder: location, host: Program.host)
        watched.done = done.map { URL(fileURLWithPath: $0, isDirectory: true) }
        watched.failed = failed.map { URL(fileURLWithPath: $0, isDirectory: true) }
        watched.priority = stat ? .stat : .normal
        watched.sweepInterval = .seconds(interval)
        let parts = try await LongRunning(Settings())
        try await parts.run("watcher", [parts.watcher(watched)])
    }
}
