import Foundation
import Glibc
import TestSupport
import Testing

extension Installation {
    /// A long-running command as a process, ended with the test at the latest.
    final class Running {
        private let process = Process()
        private let log: URL

        init(_ installation: Installation, _ arguments: [String]) throws {
            log = installation.folder.appendingPathComponent("log-\(UUID().uuidString)")
            #expect(FileManager.default.createFile(atPath: log.path, contents: nil))
            process.executableURL = Installation.executable
            process.arguments = arguments
            process.environment = installation.environment
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = try FileHandle(forWritingTo: log)
            try process.run()
        }

        deinit {
            if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
        }

        var processIdentifier: Int32 { process.processIdentifier }

        var isRunning: Bool { process.isRunning }

        /// What it said on standard error.
        var errors: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

        /// Ends it as by power loss, or asks it to end; returns its exit status, or the signal's number.
        @discardableResult
        func end(by signal: Int32) async throws -> Int32 {
            Glibc.kill(process.processIdentifier, signal)
            let limit = ContinuousClock.now + .seconds(60)
            while process.isRunning, ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(10)) }
            #expect(!process.isRunning, "it did not end")
            return process.terminationStatus
        }
    }

    /// What `queue status` says.
    func queueStatus() async throws -> [String: Any] {
        let run = try await run("queue", "status", "--json")
        #expect(run.status == 0, "\(run.errors)")
        return try #require(try run.objects.first)
    }

    /// Jobs that have not ended.
    func queueLength() async throws -> Int {
        let status = try await queueStatus()
        return ["waiting_stat", "waiting_normal", "pausing", "leased"].reduce(0) { $0 + (status[$1] as? Int ?? 0) }
    }

    /// Waits until `condition` holds, for two minutes at most.
    func wait(
        _ comment: Comment = "it did not come true", every pause: Duration = .milliseconds(50),
        sourceLocation: SourceLocation = #_sourceLocation, until condition: () async throws -> Bool
    ) async throws {
        let limit = ContinuousClock.now + .seconds(120)
        while try await !condition() {
            guard ContinuousClock.now < limit else {
                Issue.record(comment, sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: pause)
        }
    }
}
