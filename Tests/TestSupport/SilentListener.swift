import Glibc

/// A port of the loopback on which connections are taken and never answered, or not taken at all.
public final class SilentListener: Sendable {
    /// The port, which nobody else gets before ``close()``.
    public let port: Int
    private let descriptor: Int32

    /// On a port that the system chooses.
    public init(accepts: Bool) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = address.withPointer {
            bind(descriptor, $0, $1) == 0 && getsockname(descriptor, $0, &length) == 0
        }
        precondition(bound && (!accepts || listen(descriptor, 8) == 0), "no port is free")
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Gives the port back.
    public func close() { _ = Glibc.close(descriptor) }
}
