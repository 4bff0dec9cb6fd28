public import Glibc

extension sockaddr_in {
    /// An address and a port, by default of the loopback.
    public init(_ host: String = "127.0.0.1", port: UInt16) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        precondition(inet_pton(AF_INET, host, &sin_addr) == 1, "not an IPv4 address")
        sin_port = port.bigEndian
    }

    /// As the system's calls want it, with its length.
    public mutating func withPointer<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        try withUnsafeMutablePointer(to: &self) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// A TCP socket bound to a port of the loopback that the system chooses.
func loopbackSocket() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = try SystemError.check(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
    var address = sockaddr_in(port: 0)
    try address.withPointer { pointer, length in
        var length = length
        try SystemError.check(bind(descriptor, pointer, length))
        try SystemError.check(getsockname(descriptor, pointer, &length))
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
}

/// What the system says when a call fails.
struct SystemError: Error, CustomStringConvertible {
    let description = String(cString: strerror(errno))

    @discardableResult
    static func check(_ result: Int32) throws -> Int32 {
        guard result >= 0 else { throw SystemError() }
        return result
    }
}
