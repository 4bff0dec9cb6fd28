public import DICOM

/// PDUs as PS3.8 chapter 9 has them, and command sets as PS3.7 chapter 6.
public enum PDU {
    /// The presentation context that `associateRequest` proposes.
    public static let storageContext: UInt8 = 1

    /// A PDU of a type.
    public static func make(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { [type, 0] + big(body.count, 4) + body }

    /// A-ASSOCIATE-RQ for `abstractSyntax`, by default in explicit little endian; `more` items of user information.
    public static func associateRequest(
        called: String = "LONGVIEW", calling: String = "RAW",
        abstractSyntax: String = DICOMUID.computedRadiographyImageStorage,
        transferSyntax: String = "1.2.840.10008.1.2.1", maximumLength: Int = 16384, more: [UInt8] = []
    ) -> [UInt8] {
        let context =
            [storageContext, 0, 0, 0] + item(0x30, Array(abstractSyntax.utf8))
            + item(0x40, Array(transferSyntax.utf8))
        let proposed = item(0x20, context)
        return make(1, associateBody(called, calling, proposed, maximumLength: maximumLength, more: more))
    }

    /// A-ASSOCIATE-AC with a result for the one context that is proposed.
    public static func associateAccept(
        transferSyntax: String = "1.2.840.10008.1.2.1", result: UInt8 = 0, maximumLength: Int, more: [UInt8] = []
    ) -> [UInt8] {
        let context = [storageContext, 0, result, 0] + item(0x40, Array(transferSyntax.utf8))
        return make(2, associateBody("PEER", "LONGVIEW", item(0x21, context), maximumLength: maximumLength, more: more))
    }

    private static func associateBody(
        _ called: String, _ calling: String, _ context: [UInt8], maximumLength: Int, more: [UInt8]
    ) -> [UInt8] {
        func title(_ text: String) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0x20, count: 16 - text.utf8.count)
        }
        let user = item(0x51, big(maximumLength, 4)) + item(0x52, Array("1.2.3".utf8)) + more
        return [0, 1, 0, 0] + title(called) + title(calling) + [UInt8](repeating: 0, count: 32)
            + item(0x10, Array("1.2.840.10008.3.1.1.1".utf8)) + context + item(0x50, user)
    }

    /// The types of the sub-items of user information in an A-ASSOCIATE PDU.
    public static func userInformation(_ pdu: [UInt8]) -> [UInt8] {
        items(Array(pdu.dropFirst(74))).filter { $0.type == 0x50 }.flatMap { items($0.value).map(\.type) }
    }

    private static func items(_ bytes: [UInt8]) -> [(type: UInt8, value: [UInt8])] {
        var (items, rest) = ([(type: UInt8, value: [UInt8])](), bytes[...])
        while rest.count >= 4 {
            let length = Int(rest[rest.startIndex + 2]) << 8 | Int(rest[rest.startIndex + 3])
            items.append((rest[rest.startIndex], Array(rest.dropFirst(4).prefix(length))))
            rest = rest.dropFirst(4 + length)
        }
        return items
    }

    /// An item of a request.
    public static func item(_ type: UInt8, _ value: [UInt8]) -> [UInt8] { [type, 0] + big(value.count, 2) + value }

    /// P-DATA-TF with one value.
    public static func data(
        _ bytes: [UInt8], isCommand: Bool, isLast: Bool = true, context: UInt8 = storageContext
    ) -> [UInt8] {
        make(4, big(bytes.count + 2, 4) + [context, (isCommand ? 1 : 0) | (isLast ? 2 : 0)] + bytes)
    }

    /// C-STORE-RQ, which a data set has to follow.
    public static func storeRequest(
        sopClass: String = DICOMUID.computedRadiographyImageStorage,
        sopInstance: String = DICOMUID.deterministic(seed: 1, index: 1)
    ) -> [UInt8] {
        command([
            (0x0002, uid(sopClass)), (0x0100, [1, 0]), (0x0110, [1, 0]), (0x0700, [0, 0]), (0x0800, [1, 0]),
            (0x1000, uid(sopInstance)),
        ])
    }

    /// C-ECHO-RQ.
    public static let echoRequest = command([
        (0x0002, uid("1.2.840.10008.1.1")), (0x0100, [0x30, 0]), (0x0110, [1, 0]), (0x0800, [1, 1]),
    ])

    /// A-RELEASE-RQ.
    public static let releaseRequest = make(5, [0, 0, 0, 0])

    /// A command set of elements of group 0000, in one P-DATA-TF.
    public static func command(_ elements: [(element: UInt16, value: [UInt8])]) -> [UInt8] {
        let body = elements.flatMap { little(0, 2) + little(Int($0.element), 2) + little($0.value.count, 4) + $0.value }
        return data(little(0, 4) + little(4, 4) + little(body.count, 4) + body, isCommand: true)
    }

    /// The status in a P-DATA-TF that holds a response.
    public static func status(_ pdu: [UInt8]?) -> DIMSEStatus? {
        guard let pdu, pdu.first == 4,
            let place = (12..<max(12, pdu.count - 9)).first(where: {
                Array(pdu[$0..<$0 + 8]) == [0, 0, 0, 9, 2, 0, 0, 0]
            })
        else { return nil }
        return DIMSEStatus(rawValue: UInt16(pdu[place + 8]) | UInt16(pdu[place + 9]) << 8)
    }

    /// The data set of a file, without its meta information.
    public static func dataset(of file: some Collection<UInt8>) -> [UInt8] {
        let bytes = Array(file)
        let length = (0..<4).reduce(0) { $0 | Int(bytes[140 + $1]) << (8 * $1) }
        return Array(bytes[(144 + length)...])
    }

    /// Changes, removes or adds bytes in up to six places.
    public static func damage(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
            default: bytes.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF], at: place)
            }
        }
    }

    private static func uid(_ text: String) -> [UInt8] {
        Array(text.utf8) + (text.utf8.count & 1 == 1 ? [0] : [])
    }

    private static func big(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
