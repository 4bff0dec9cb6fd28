import Foundation
import TestSupport

/// The Python interpreter that computes references for the slow drills.
enum Python {
    private static let interpreter = ProcessInfo.processInfo.environment["LONGVIEW_PYTHON"] ?? "python3"

    /// The exit status of the interpreter with these arguments, or -1 where it can't be started.
    static func run(_ arguments: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [interpreter] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Whether a slow drill was asked for and these modules are there.
    static func has(_ modules: String) -> Bool { Drill.isLong && run(["-c", "import \(modules)"]) == 0 }
}
