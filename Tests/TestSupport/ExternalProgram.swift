import Foundation
public import Testing

/// A program of another project, run to its end.
public struct ExternalProgram: Sendable {
    /// The program's file.
    public let path: String

    /// The program at a path.
    public init(path: String) {
        self.path = path
    }

    /// The program `name` of the search path; nil where there is none.
    public init?(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        guard let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile) else {
            return nil
        }
        self.path = path
    }

    /// What a run left.
    public struct Run: Sendable {
        /// The exit status.
        public var status: Int32
        /// Standard output and standard error.
        public var output: String

        /// What a run left.
        public init(status: Int32, output: String) {
            self.status = status
            self.output = output
        }
    }

    /// Runs the program; its input is empty.
    public func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        (process.standardOutput, process.standardError, process.standardInput) = (pipe, pipe, FileHandle.nullDevice)
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Run(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
    }

    /// Runs the program while others do as well; its input is empty.
    public func runConcurrently(_ arguments: [String]) async throws -> Run {
        try await withCheckedThrowingContinuation { continuation in
            // Waits on a thread of its own, and not on one of Swift's.
            Thread.detachNewThread { continuation.resume(with: Result { try run(arguments) }) }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, visibly, where the program is absent.
    public static func needs(_ program: String) -> Self {
        .enabled(if: ExternalProgram(program) != nil, "needs \(program), which is not here")
    }
}

/// A Python with packages that the standard library lacks, named by `LONGVIEW_PYTHON`.
public enum PythonPackages {
    /// The interpreter that can import all of `modules`; nil where there is none.
    public static func interpreter(importing modules: String...) -> ExternalProgram? {
        let named = ProcessInfo.processInfo.environment["LONGVIEW_PYTHON"].map(ExternalProgram.init(path:))
        return [named, ExternalProgram("python3")].compactMap { $0 }.first { python in
            (try? python.run(["-c", "import " + modules.joined(separator: ", ")]).status) == 0
        }
    }
}
