import Foundation
import TestSupport

/// Programs that talk DICOM over the network: DCMTK's, and Python with pynetdicom.
enum NetworkTool {
    static let areInstalled = ["storescu", "storescp", "dcmsend", "echoscu", "openssl"].allSatisfy { name in
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name)
    }

    static let pynetdicom = PythonPackages.interpreter(importing: "pynetdicom")

    /// Runs a program of /usr/bin to its end; its output is both streams.
    static func run(_ name: String, _ arguments: [String]) throws -> ExternalProgram.Run {
        try ExternalProgram(path: "/usr/bin/" + name).run(arguments)
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

        func wait() throws -> ExternalProgram.Run {
            let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return .init(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
        }
    }
}
