import CDCMTK
import Glibc

/// A socket that takes connections.
struct Listener {
    let descriptor: Int32
    /// The port, where any free one was asked for.
    let port: UInt16

    /// Listens on `address`, in digits, or on all addresses of IPv4 and IPv6 (of IPv4 alone, where there is no IPv6).
    init(address: String?, port: UInt16) throws(AssociationError) {
        if let address {
            guard let parsed = NetworkAddress(address) else {
                throw AssociationError(.network, "the address to listen on is not one of IPv4 or IPv6.")
            }
            self = try Self(parsed, port: port, isDual: false)
            return
        }
        do {
            self = try Self(NetworkAddress("::")!, port: port, isDual: true)
        } catch  where errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL {
            self = try Self(NetworkAddress("0.0.0.0")!, port: port, isDual: false)
        }
    }

    private init(_ address: NetworkAddress, port: UInt16, isDual: Bool) throws(AssociationError) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        func complaint() -> AssociationError {
            AssociationError(.network, "port \(port) can't be listened on: \(String(cString: strerror(errno))).")
        }
        guard descriptor >= 0 else { throw complaint() }
        var on: Int32 = 1
        var off: Int32 = isDual ? 0 : 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if address.family == AF_INET6 {
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
        }
        let isBound = address.withSocketAddress(port: port) { bind(descriptor, $0, $1) == 0 }
        guard isBound, listen(descriptor, 128) == 0 else {
            let error = complaint()
            let number = errno
            close(descriptor)
            errno = number
            throw error
        }
        self.descriptor = descriptor
        self.port = NetworkAddress.port(of: descriptor)
    }
}
