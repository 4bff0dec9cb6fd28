/// An audit message as syslog carries it: RFC 5424, as IHE ITI TF-2 3.20 asks (ATNA).
public struct SyslogMessage: Sendable, Equatable {
    /// When it happened: RFC 3339, at most microseconds.
    public var time: String
    /// The machine, the program and its process.
    public var host, program, processID: String
    /// The XML of a DICOM PS3.15 A.5 audit message.
    public var body: String

    /// A message of these values.
    public init(time: String, host: String, program: String, processID: String, body: String) {
        self.time = time
        self.host = host
        self.program = program
        self.processID = processID
        self.body = body
    }

    /// Facility 10 (security and authorization) × 8 + severity 5 (notice).
    static let priority = 85
    /// What ITI TF-2 3.20.4.1.2.1 has for messages of RFC 3881's form and its successors.
    static let messageID = "IHE+RFC-3881"

    /// The message without its length.
    public var bytes: [UInt8] {
        let header = [
            "<\(Self.priority)>1", time, Self.field(host, 255), Self.field(program, 48), Self.field(processID, 128),
            Self.messageID, "-",
        ]
        // The byte order mark says that UTF-8 follows (RFC 5424, 6.4).
        return Array((header.joined(separator: " ") + " ").utf8) + [0xEF, 0xBB, 0xBF] + Array(body.utf8)
    }

    /// The message after its length in decimal and a space: RFC 5425's octet counting.
    public var frame: [UInt8] {
        let bytes = bytes
        return Array("\(bytes.count) ".utf8) + bytes
    }

    /// A header's field: printable ASCII without spaces, of at most `limit`; “-” for nothing.
    private static func field(_ text: String, _ limit: Int) -> String {
        let bytes = text.utf8.prefix(limit).map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }
}
