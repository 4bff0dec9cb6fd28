import Glibc

/// A port of the loopback on which connections are taken and never answered, or not taken at all.
public final class SilentListener: Sendable {
    /// The port, which nobody else gets before ``close()``.
    public let port: Int
    private let descriptor: Int32

    /// On a port that the system chooses.
    public init(accepts: Bool) throws {
        let port: UInt16
        (descriptor, port) = try loopbackSocket()
        if accepts { try SystemError.check(listen(descriptor, 8)) }
        self.port = Int(port)
    }

    /// Gives the port back.
    public func close() { _ = Glibc.close(descriptor) }
}
