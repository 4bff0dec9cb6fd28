import Foundation
import TestSupport
import Testing

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

/// A folder that goes away with its last reference.
final class Folder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "longview-net-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }
}

/// A certificate authority, and what it issued, made anew with openssl.
struct TestCertificates: Sendable {
    let folder: Folder

    init() throws {
        folder = try Folder()
        for authority in ["authority", "stranger"] {
            try openssl(
                ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(authority)"]
                    + ["-keyout", path("\(authority).key"), "-out", path("\(authority).pem")])
        }
        for (name, authority) in [("server", "authority"), ("client", "authority"), ("intruder", "stranger")] {
            try openssl(
                ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext"]
                    + ["subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path("\(name).key")]
                    + ["-out", path("\(name).csr")])
            try openssl(
                ["x509", "-req", "-in", path("\(name).csr"), "-days", "2", "-copy_extensions", "copy"]
                    + ["-CA", path("\(authority).pem"), "-CAkey", path("\(authority).key"), "-CAcreateserial"]
                    + ["-out", path("\(name).pem")])
        }
    }

    func path(_ name: String) -> String { folder.path(name) }

    private func openssl(_ arguments: [String]) throws {
        let run = try NetworkTool.run("openssl", arguments)
        try #require(run.status == 0, "openssl: \(run.output)")
    }
}
