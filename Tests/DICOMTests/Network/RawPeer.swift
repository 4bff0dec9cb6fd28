import DICOM
import Foundation
import Glibc

/// A requestor that sends whatever bytes it is told to.
final class RawPeer {
    private let descriptor: Int32

    /// Connects to a port of the loopback. Reads give up after `patience` seconds.
    init(port: UInt16, patience: Int = 10) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// Sends bytes; false where the other side has gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.send(descriptor, raw.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// No more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next PDU, with its header; nil at the end of the connection, and where nothing comes.
    func receive() -> [UInt8]? {
        guard let header = read(6) else { return nil }
        let length = header[2...].reduce(0) { $0 << 8 | Int($1) }
        guard length <= 1 << 20, let body = read(length) else { return nil }
        return header + body
    }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, count - filled, 0) }
            if got <= 0 { return nil }
            filled += got
        }
        return bytes
    }
}

/// PDUs as PS3.8 chapter 9 has them, and command sets as PS3.7 chapter 6.
enum PDU {
    static let storageContext: UInt8 = 1

    static func make(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { [type, 0] + big(body.count, 4) + body }

    /// A-ASSOCIATE-RQ for `abstractSyntax`, in explicit little endian.
    static func associateRequest(
        called: String = "LONGVIEW", calling: String = "RAW",
        abstractSyntax: String = DICOMUID.computedRadiographyImageStorage, maximumLength: Int = 16384
    ) -> [UInt8] {
        func title(_ text: String) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0x20, count: 16 - text.utf8.count)
        }
        let context =
            [storageContext, 0, 0, 0] + item(0x30, Array(abstractSyntax.utf8))
            + item(0x40, Array("1.2.840.10008.1.2.1".utf8))
        let user = item(0x51, big(maximumLength, 4)) + item(0x52, Array("1.2.3".utf8))
        return make(
            1,
            [0, 1, 0, 0] + title(called) + title(calling) + [UInt8](repeating: 0, count: 32)
                + item(0x10, Array("1.2.840.10008.3.1.1.1".utf8)) + item(0x20, context) + item(0x50, user))
    }

    static func item(_ type: UInt8, _ value: [UInt8]) -> [UInt8] { [type, 0] + big(value.count, 2) + value }

    /// P-DATA-TF with one value.
    static func data(
        _ bytes: [UInt8], isCommand: Bool, isLast: Bool = true, context: UInt8 = storageContext
    ) -> [UInt8] {
        make(4, big(bytes.count + 2, 4) + [context, (isCommand ? 1 : 0) | (isLast ? 2 : 0)] + bytes)
    }

    static func storeRequest(
        sopClass: String = DICOMUID.computedRadiographyImageStorage,
        sopInstance: String = DICOMUID.deterministic(seed: 1, index: 1)
    ) -> [UInt8] {
        command([
            (0x0002, uid(sopClass)), (0x0100, [1, 0]), (0x0110, [1, 0]), (0x0700, [0, 0]), (0x0800, [1, 0]),
            (0x1000, uid(sopInstance)),
        ])
    }

    static let echoRequest = command([
        (0x0002, uid("1.2.840.10008.1.1")), (0x0100, [0x30, 0]), (0x0110, [1, 0]), (0x0800, [1, 1]),
    ])

    static let releaseRequest = make(5, [0, 0, 0, 0])

    static func command(_ elements: [(element: UInt16, value: [UInt8])]) -> [UInt8] {
        let body = elements.flatMap { little(0, 2) + little(Int($0.element), 2) + little($0.value.count, 4) + $0.value }
        return data(little(0, 4) + little(4, 4) + little(body.count, 4) + body, isCommand: true)
    }

    /// The status in a P-DATA-TF that holds a response.
    static func status(_ pdu: [UInt8]?) -> DIMSEStatus? {
        guard let pdu, pdu.first == 4,
            let place = (12..<max(12, pdu.count - 9)).first(where: {
                Array(pdu[$0..<$0 + 8]) == [0, 0, 0, 9, 2, 0, 0, 0]
            })
        else { return nil }
        return DIMSEStatus(rawValue: UInt16(pdu[place + 8]) | UInt16(pdu[place + 9]) << 8)
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

/// A port that takes connections and says nothing.
final class SilentListener {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        guard listen(descriptor, 8) == 0 else { throw POSIXError(.EIO) }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
