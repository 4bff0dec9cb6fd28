import Foundation
import Glibc

/// A requestor that sends whatever bytes it is told to.
public final class RawPeer {
    private let descriptor: Int32

    /// Connects to a port of the loopback. Reads and writes give up after a minute.
    public init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in(port: port)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = address.withPointer { connect(descriptor, $0, $1) }
        guard status == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// Sends bytes; false where the other side has gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
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
    public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next PDU, with its header; nil at the end of the connection, and where nothing comes.
    public func receive() -> [UInt8]? {
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
