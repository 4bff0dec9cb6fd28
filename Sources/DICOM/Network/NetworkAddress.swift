import Glibc

/// An address of IPv4 or IPv6. One of IPv4 in IPv6's form is the same as in its own.
struct NetworkAddress: Hashable, CustomStringConvertible {
    let family: Int32
    private let bytes: [UInt8]

    /// Reads an address in digits; nil where it is none.
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(four)
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.init(six)
        } else {
            return nil
        }
    }

    private init(_ four: in_addr) {
        family = AF_INET
        bytes = withUnsafeBytes(of: four) { Array($0) }
    }

    private init(_ six: in6_addr) {
        let all = withUnsafeBytes(of: six) { Array($0) }
        let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
        family = isMapped ? AF_INET : AF_INET6
        bytes = isMapped ? Array(all[12...]) : all
    }

    /// The address in a socket address.
    init(_ storage: sockaddr_storage) {
        if Int32(storage.ss_family) == AF_INET6 {
            self.init(withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self).sin6_addr })
        } else {
            self.init(withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self).sin_addr })
        }
    }

    /// The address in digits.
    var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard inet_ntop(family, bytes, buffer.baseAddress, socklen_t(buffer.count)) != nil else { return "" }
            return String(cString: buffer.baseAddress!)
        }
    }

    /// The address and a port, as the socket calls have them.
    func withSocketAddress<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let count = withUnsafeMutableBytes(of: &storage) { raw in
            if family == AF_INET6 {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
                raw.storeBytes(of: address, as: sockaddr_in6.self)
                return MemoryLayout<sockaddr_in6>.size
            }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
            raw.storeBytes(of: address, as: sockaddr_in.self)
            return MemoryLayout<sockaddr_in>.size
        }
        return withUnsafeBytes(of: storage) {
            body($0.bindMemory(to: sockaddr.self).baseAddress!, socklen_t(count))
        }
    }

    /// The port a socket is bound to.
    static func port(of descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        // The port has the same place in both families.
        return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}
