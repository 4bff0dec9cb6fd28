import Foundation

/// What a process and the decoders it started use at one moment, from proc(5).
struct SoakSample {
    /// Seconds since the beginning.
    var at: Double
    /// KiB in memory, of the process and of its decoders together.
    var resident: Int
    var decoders: Int
    var descriptors: Int
    var threads: Int

    init(of process: Int32, at seconds: Double) throws {
        at = seconds
        resident = try Self.status(process, "VmRSS")
        threads = try Self.status(process, "Threads")
        descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
        // A thread or a decoder may end between two looks.
        let children = tasks.compactMap {
            try? String(contentsOfFile: "/proc/\(process)/task/\($0)/children", encoding: .utf8)
        }
        decoders = children.flatMap { $0.split(separator: " ") }.compactMap { Int32($0) }
            .compactMap { try? Self.status($0, "VmRSS") }.reduce(0, +)
    }

    private static func status(_ process: Int32, _ field: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        // A process that is ending has no memory any more.
        return line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.flatMap { Int($0) } ?? 0
    }
}
