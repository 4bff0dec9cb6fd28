import Glibc

/// A connection to a ``TCPProxy`` with the one to its target. Used by the proxy's thread alone.
final class ProxiedConnection {
    private struct Flow {
        var from, to: Int32
        var pending: ArraySlice<UInt8> = []
        var isOver = false

        /// Writes what it can of what is pending; false where the connection is broken.
        mutating func write() -> Bool {
            let count = pending.withUnsafeBytes { send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else { return errno == EAGAIN || errno == EINTR }
            pending = pending.dropFirst(count)
            return true
        }
    }

    private var flows: [TCPProxy.Direction: Flow]

    /// Whether both sides have ended it, in order.
    var isOver: Bool { flows.values.allSatisfy { $0.isOver && $0.pending.isEmpty } }

    /// Nil where the target does not answer; then `descriptor` is left open.
    init?(_ descriptor: Int32, _ target: TCPProxy.Target) {
        guard let other = Self.connect(target) else { return nil }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        flows = [.there: Flow(from: descriptor, to: other), .back: Flow(from: other, to: descriptor)]
    }

    /// Begins to connect; whether it succeeds is seen when something is passed on.
    private static func connect(_ target: TCPProxy.Target) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        var address = sockaddr_in(target.host, port: target.port)
        let result = address.withPointer { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            Glibc.close(descriptor)
            return nil
        }
        return descriptor
    }

    /// What the flow in `direction` waits for.
    func wait(_ direction: TCPProxy.Direction) -> pollfd {
        let flow = flows[direction]!
        if !flow.pending.isEmpty { return pollfd(fd: flow.to, events: Int16(POLLOUT), revents: 0) }
        return pollfd(fd: flow.isOver ? -1 : flow.from, events: Int16(POLLIN), revents: 0)
    }

    /// Reads or writes once; false where the connection is broken, or may pass no more.
    func pass(_ direction: TCPProxy.Direction, allowed: (Int) -> Int) -> Bool {
        var flow = flows[direction]!
        defer { flows[direction] = flow }
        if flow.pending.isEmpty {
            var buffer = [UInt8](repeating: 0, count: 16384)
            let count = read(flow.from, &buffer, buffer.count)
            guard count > 0 else {
                guard count == 0 else { return errno == EAGAIN || errno == EINTR }
                flow.isOver = true
                return shutdown(flow.to, Int32(SHUT_WR)) == 0
            }
            let permitted = allowed(count)
            flow.pending = buffer[..<permitted]
            guard permitted == count else {
                // What was sent before the cut arrives.
                _ = flow.write()
                return false
            }
        }
        return flow.write()
    }

    /// Gives back what is over.
    func close() {
        for flow in flows.values { Glibc.close(flow.from) }
    }

    /// Ends both connections as a network does that is gone.
    func reset() {
        for flow in flows.values { Self.reset(flow.from) }
    }

    /// Has both connections forgotten at this end, without a word to the others.
    func vanish() {
        for flow in flows.values {
            _ = Self.setRepair(flow.from)
            Glibc.close(flow.from)
        }
    }

    /// Under repair (Linux's TCP_REPAIR) a connection that is closed is forgotten: neither FIN nor RST is sent.
    static func setRepair(_ descriptor: Int32) -> Bool {
        var on: Int32 = 1
        return setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_REPAIR, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Closes with RST, not FIN.
    static func reset(_ descriptor: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(descriptor)
    }
}
