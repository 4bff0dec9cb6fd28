import Foundation
import Glibc
import Ledger
import Logging
import TestSupport
import Testing

@testable import Service

@Suite("Audit messages by syslog over TLS", .serialized)
struct SyslogTests {
    private func message(_ number: Int, body: String? = nil) -> SyslogMessage {
        SyslogMessage(
            time: "2026-03-01T09:05:00.000123Z", host: "reading-room-3", program: "longview", processID: "4711",
            body: body ?? "<AuditMessage n=\"\(number)\">Söhne</AuditMessage>")
    }

    @Test("a message is RFC 5424's, with ATNA's priority and id, after its length in bytes")
    func framing() {
        let text = "<85>1 2026-03-01T09:05:00.000123Z reading-room-3 longview 4711 IHE+RFC-3881 - \u{FEFF}<a>é</a>"
        let message = message(0, body: "<a>é</a>")
        #expect(message.bytes == Array(text.utf8))
        #expect(message.frame == Array("\(text.utf8.count) \(text)".utf8))
        let odd = SyslogMessage(
            time: "t", host: "a b\n", program: "", processID: String(repeating: "9", count: 200), body: "")
        let header = "<85>1 t a_b_ - \(String(repeating: "9", count: 128)) IHE+RFC-3881 - "
        #expect(odd.bytes.starts(with: Array(header.utf8)))
    }

    @Test("rsyslog receives every message once, whole and in order", .needs("rsyslogd"), .needs("openssl"))
    func rsyslog() async throws {
        let receiver = try SyslogReceiver()
        defer { receiver.end() }
        try receiver.start()
        let sender = try receiver.sender()
        for batch in 0..<10 { try await sender.send((0..<20).map { message(batch * 20 + $0) }) }
        // As long as a read of 500 records.
        let long = "<AuditMessage>" + String(repeating: "x", count: 60_000) + "</AuditMessage>"
        try await sender.send([message(200, body: long)])
        await sender.close()
        let lines = try await receiver.lines(201)
        #expect(lines.count == 201)
        for (number, line) in lines.dropLast().enumerated() {
            #expect(line == "85 IHE+RFC-3881 reading-room-3 longview 4711 " + message(number).body)
        }
        #expect(lines.last?.hasSuffix(long) == true)
    }

    @Test(
        "after a receiver's restart the sender connects again, and nothing is lost", .needs("rsyslogd"),
        .needs("openssl"))
    func restart() async throws {
        let receiver = try SyslogReceiver()
        defer { receiver.end() }
        try receiver.start()
        let sender = try receiver.sender()
        for number in 0..<30 {
            try await sender.send([message(number)])
            // What comes after shows the end of the connection; after the last nobody would look.
            if number == 9 || number == 19 {
                receiver.kill()
                try receiver.start()
            }
        }
        await sender.close()
        // Some twice, in doubt; all of them, and in order.
        var seen: [String] = []
        for line in try await receiver.lines(30) where !seen.contains(line) { seen.append(line) }
        #expect(seen.count == 30)
        #expect(seen == (0..<30).map { "85 IHE+RFC-3881 reading-room-3 longview 4711 " + message($0).body })
    }

    @Test("nobody there, a stranger's certificate and another name are errors", .needs("rsyslogd"), .needs("openssl"))
    func refused() async throws {
        let receiver = try SyslogReceiver()
        defer { receiver.end() }
        await #expect(throws: SyslogError.self) {
            try await receiver.sender(attempts: 2).send([message(0)])
        }
        try receiver.start()
        let stranger = try SyslogReceiver()
        defer { stranger.end() }
        for sender in [
            try receiver.sender(attempts: 1, trusting: stranger), try receiver.sender(attempts: 1, host: "127.0.0.1"),
        ] { await #expect(throws: SyslogError.self) { try await sender.send([message(0)]) } }
        #expect(try await receiver.lines(0).isEmpty)
    }
}

/// An rsyslog on a port of the test's own, with certificates made for it.
final class SyslogReceiver: @unchecked Sendable {  // used by one test at a time
    private let folder: URL
    private let port: Int
    private var process: Process?

    init() throws {
        folder = try ServedLog.folder()
        let free = try SilentListener(accepts: false)
        port = free.port
        free.close()
        let openssl = try #require(ExternalProgram("openssl"))
        let run = try openssl.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", path("key.pem"), "-out",
            path("certificate.pem"),
        ])
        #expect(run.status == 0, "\(run.output)")
        let configuration = """
            global(workDirectory="\(folder.path)" maxMessageSize="128k" defaultNetstreamDriver="ossl"
              defaultNetstreamDriverCAFile="\(path("certificate.pem"))"
              defaultNetstreamDriverCertFile="\(path("certificate.pem"))"
              defaultNetstreamDriverKeyFile="\(path("key.pem"))")
            module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
            input(type="imtcp" port="\(port)" address="127.0.0.1" ruleset="audit")
            template(name="line" type="string"
              string="%pri% %msgid% %hostname% %app-name% %procid% %msg%\\n")
            ruleset(name="audit") { action(type="omfile" file="\(path("received"))" template="line" flushOnTXEnd="on") }
            """
        try configuration.write(to: folder.appendingPathComponent("rsyslog.conf"), atomically: false, encoding: .utf8)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Starts it; returns when it listens.
    func start() throws {
        let process = Process()
        // It closes every descriptor that the limit allows, one by one.
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let program = try #require(ExternalProgram("rsyslogd")).path
        process.arguments = [
            "-c", "ulimit -n 256; exec \"$0\" \"$@\"", program, "-n", "-f", path("rsyslog.conf"), "-i", path("pid"),
        ]
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        self.process = process
        for _ in 0..<200 where !isListening() { usleep(50_000) }
        try #require(isListening())
    }

    private func isListening() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        var address = sockaddr_in(port: UInt16(port))
        return address.withPointer { connect(descriptor, $0, $1) == 0 }
    }

    /// Ends it without any farewell.
    func kill() {
        guard let process, process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: path("pid"))
    }

    func end() {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    func sender(
        attempts: Int = 8, host: String = "localhost", trusting other: SyslogReceiver? = nil
    ) throws -> SyslogSender {
        try SyslogSender(
            .init(
                host: host, port: port, trustedCertificates: (other ?? self).path("certificate.pem"),
                connectTimeout: .seconds(5), attempts: attempts, pause: .milliseconds(50)),
            logger: Logger(label: "test"))
    }

    /// What was received, when `count` lines are there or nothing more comes.
    func lines(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        for _ in 0..<100 {
            let text = (try? String(contentsOfFile: path("received"), encoding: .utf8)) ?? ""
            lines = text.split(separator: "\n").map { String($0.replacing("\u{FEFF}", with: "")) }
            if Set(lines).count >= count { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        return lines
    }
}
