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
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        precondition(bound && (!accepts || listen(descriptor, 8) == 0), "no port is free")
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Gives the port back.
    public func close() { _ = Glibc.close(descriptor) }
}
