import Foundation

/// Programs that talk DICOM over the network: DCMTK's, and Python with pynetdicom.
enum NetworkTool {
    static let areInstalled = ["storescu", "storescp", "dcmsend", "echoscu", "openssl"].allSatisfy { name in
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name)
    }

    static let python = ProcessInfo.processInfo.environment["LONGVIEW_PYTHON"] ?? "python3"
    static let hasPynetdicom = (try? run("env", [python, "-c", "import pynetdicom"]).status) == 0

    struct Run { var status: Int32; var output: String }

    /// Runs a program of /usr/bin to its end; its output is both streams.
    static func run(_ name: String, _ arguments: [String]) throws -> Run {
        try Running(name, arguments).wait()
    }

    /// A program under way.
    final class Running {
        let process = Process()
        private let pipe = Pipe()

        init(_ name: String, _ arguments: [String]) throws {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/" + name)
            process.arguments = arguments
            process.standardOutput = pipe
            process.standardError = pipe
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }

        func wait() throws -> Run {
            let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return Run(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
        }
    }
}
