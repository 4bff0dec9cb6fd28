import Foundation
import Store
import TestSupport
import Testing

/// The program as a user has it: its own data folder, its own database, run as a process.
struct Installation {
    /// A folder of this installation's own, with `home` in it.
    let folder: URL
    var environment: [String: String]

    /// What a run of the program left.
    struct Run {
        var status: Int32
        var output: String
        var errors: String

        /// Standard output as one JSON object a line.
        var objects: [[String: Any]] {
            get throws {
                try output.split(separator: "\n").map { line in
                    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                }
            }
        }
    }

    /// An installation on a new database of the shared test cluster, or on a private cluster that the program makes.
    init(privateCluster: Bool = false) async throws {
        folder = try TestFolder.forClusters()
        environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("PG") && !$0.key.hasPrefix("LONGVIEW_") && $0.key != "DATABASE_URL"
        }
        environment["LONGVIEW_HOME"] = folder.appendingPathComponent("home").path
        if !privateCluster {
            environment["DATABASE_URL"] = try await TestDatabase.create().url()
            let run = try await run("db", "migrate")
            #expect(run.status == 0, "\(run.errors)")
        }
    }

    /// With the shipped model imported, and in use if it is to be `active`.
    static func ready(privateCluster: Bool = false, active: Bool = false) async throws -> Installation {
        let installation = try await Installation(privateCluster: privateCluster)
        try await installation.importShippedModel(active: active)
        return installation
    }

    func importShippedModel(active: Bool) async throws {
        let imported = try await run("model", "import", Installation.shippedModel.path)
        #expect(imported.status == 0, "\(imported.errors)")
        guard active else { return }
        let activated = try await run("model", "activate", "nih-pneumonia")
        #expect(activated.status == 0, "\(activated.errors)")
    }

    /// Makes the ledger's key, which a private cluster has of itself; returns the public one.
    func makeLedgerKey() async throws -> String {
        try FileManager.default.createDirectory(atPath: path("home/keys"), withIntermediateDirectories: true)
        let made = try await run(
            "audit", "keygen", "--name", "longview.example/test", "--output", path("home/keys/ledger.key"))
        #expect(made.status == 0, "\(made.errors)")
        return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static let shippedModel = Repository.root.appendingPathComponent("models/nih-pneumonia-1", isDirectory: true)

    static let executable = Products.program("longview")

    /// Where its database is, as its owner.
    func databaseURL() async throws -> String {
        try await run("db", "url").output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A path in this installation's folder.
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Writes a file in this installation's folder and returns its path.
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Runs the program to its end.
    func run(_ arguments: String...) async throws -> Run { try await run(arguments) }

    /// Runs the program to its end, with `input` to read. `afterFirstLine` is called once, when it has printed a line;
    /// until that returns no more of its output is read, so that a program with much to print can't end before.
    func run(
        _ arguments: [String], input: String = "", afterFirstLine: (@Sendable () -> Void)? = nil
    ) async throws -> Run {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = folder
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput =
            input.isEmpty
            ? FileHandle.nullDevice
            : try FileHandle(forReadingFrom: URL(fileURLWithPath: write("input-\(UUID().uuidString)", input.utf8)))
        try process.run()
        async let said = Self.read(errors, nil)
        async let printed = Self.read(output, afterFirstLine)
        let texts = await (printed, said)
        process.waitUntilExit()
        return Run(status: process.terminationStatus, output: texts.0, errors: texts.1)
    }

    private static func read(_ pipe: Pipe, _ afterFirstLine: (@Sendable () -> Void)?) async -> String {
        await withCheckedContinuation { continuation in
            // Blocking reads on a thread of their own.
            Thread.detachNewThread {
                var data = Data()
                var isFirst = true
                while case let more = pipe.fileHandleForReading.availableData, !more.isEmpty {
                    data += more
                    if isFirst, more.contains(UInt8(ascii: "\n")) {
                        isFirst = false
                        afterFirstLine?()
                    }
                }
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, visibly, where the radiographs of pydicom-data were not fetched.
    static var needsPydicomData: Self {
        .enabled(
            if: PydicomData.folder != nil, "needs pydicom-data, which scripts/test fetches where a registry answers")
    }
}

/// Radiographs of the PyPI package pydicom-data, as `scripts/test` fetched them.
enum PydicomData {
    static let folder = ProcessInfo.processInfo.environment["LONGVIEW_PYDICOM_DATA"].map {
        URL(fileURLWithPath: $0, isDirectory: true)
    }

    static func path(_ name: String) throws -> String { try #require(folder).appendingPathComponent(name).path }
}
