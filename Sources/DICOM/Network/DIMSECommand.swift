/// A command set (PS3.7 6.3.1): implicit little endian, group 0000, nothing nested.
///
/// Read here and not by DCMTK, whose reader would follow sequences as deep as a sender cares to nest them.
struct DIMSECommand {
    enum Field {
        static let storeRequest: UInt16 = 0x0001
        static let storeResponse: UInt16 = 0x8001
        static let echoRequest: UInt16 = 0x0030
        static let echoResponse: UInt16 = 0x8030
        static let response: UInt16 = 0x8000
    }

    /// A longer command set is not read; the longest that the standard knows has some 500 bytes.
    static let longest = 16 << 10
    /// Command Data Set Type of a command that no data set follows.
    private static let noDataset: UInt16 = 0x0101

    var field: UInt16
    var messageID: UInt16 = 0
    /// Of a response.
    var messageIDBeingRespondedTo: UInt16 = 0
    var affectedSOPClassUID: String?
    var affectedSOPInstanceUID: String?
    var hasDataset = false
    var status: DIMSEStatus?
    var errorComment: String?

    init(field: UInt16) { self.field = field }

    /// The response to `request`.
    init(respondingTo request: DIMSECommand, _ status: DIMSEStatus, comment: String? = nil) {
        field = request.field | Field.response
        messageIDBeingRespondedTo = request.messageID
        affectedSOPClassUID = request.affectedSOPClassUID
        affectedSOPInstanceUID = request.affectedSOPInstanceUID
        self.status = status
        errorComment = comment
    }

    /// Reads a command set; nil where it is none, or lacks what every command has.
    init?(_ bytes: [UInt8]) {
        var field: UInt16?
        var command = DIMSECommand(field: 0)
        let isRead = bytes.withUnsafeBytes { bytes in
            let reader = ByteReader(bytes: bytes)
            var offset = 0
            while offset < bytes.count {
                guard let tag = reader.tag(at: offset), tag.group == 0, let length = reader.uint32(at: offset + 4),
                    Int(length) <= bytes.count - offset - 8
                else { return false }
                let value = offset + 8
                offset = value + Int(length)
                switch tag.element {
                case 0x0100: field = reader.uint16(at: value)
                case 0x0110: command.messageID = reader.uint16(at: value) ?? 0
                case 0x0120: command.messageIDBeingRespondedTo = reader.uint16(at: value) ?? 0
                case 0x0800: command.hasDataset = reader.uint16(at: value) != Self.noDataset
                case 0x0900: command.status = reader.uint16(at: value).map(DIMSEStatus.init)
                case 0x0002: command.affectedSOPClassUID = reader.text(in: value..<offset)
                case 0x1000: command.affectedSOPInstanceUID = reader.text(in: value..<offset)
                case 0x0902: command.errorComment = reader.text(in: value..<offset)
                default: break
                }
            }
            return true
        }
        guard isRead, let field else { return nil }
        command.field = field
        self = command
    }

    /// The command set as it is sent.
    var encoded: [UInt8] {
        var elements: [UInt8] = []
        func append(_ element: UInt16, _ value: [UInt8]) {
            for number in [0, element] { elements += [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)] }
            let length = UInt32(value.count)
            elements += [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: length >> $0) } + value
        }
        func append(_ element: UInt16, number: UInt16) {
            append(element, [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)])
        }
        func append(_ element: UInt16, text: String, padding: UInt8) {
            let bytes = Array(text.utf8)
            append(element, bytes.count & 1 == 1 ? bytes + [padding] : bytes)
        }
        if let affectedSOPClassUID { append(0x0002, text: affectedSOPClassUID, padding: 0) }
        append(0x0100, number: field)
        if field & Field.response == 0 {
            append(0x0110, number: messageID)
        } else {
            append(0x0120, number: messageIDBeingRespondedTo)
        }
        // Priority: medium.
        if field == Field.storeRequest { append(0x0700, number: 0) }
        append(0x0800, number: hasDataset ? 0x0001 : Self.noDataset)
        if let status { append(0x0900, number: status.rawValue) }
        if let errorComment { append(0x0902, text: Self.comment(errorComment), padding: 0x20) }
        if let affectedSOPInstanceUID { append(0x1000, text: affectedSOPInstanceUID, padding: 0) }
        let body = elements
        elements = []
        append(0x0000, [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: UInt32(body.count) >> $0) })
        return elements + body
    }

    /// As Error Comment (LO) has it: 64 characters at most, of the default repertoire, no backslash.
    private static func comment(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(64).map { (0x20..<0x7F).contains($0.value) && $0 != "\\" ? $0 : "?" }))
    }
}
