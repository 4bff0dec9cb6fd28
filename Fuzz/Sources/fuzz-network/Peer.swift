import Glibc

/// The other side of an association, which sends whatever bytes it is given.
struct Peer: ~Copyable {
    private let descriptor: Int32

    /// Connects to a port of the loopback, as the peer `number`. Waits for nothing longer than `patience` seconds.
    init(_ number: Int, port: UInt16, patience: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        setOptions(patience)
        // For a minute after its end a connection's addresses and ports are taken. So each has an address of its own, and
        // all have the server's port, unless somebody has it: few are taken from other programs.
        let address = "127.\(1 + (number >> 16) % 200).\((number >> 8) % 256).\(number % 256)"
        let isBound = [port, 0].contains { ownPort in
            var own = sockaddr_in(address, port: ownPort)
            return own.withPointer { bind(descriptor, $0, $1) == 0 }
        }
        var server = sockaddr_in(port: port)
        let isConnected = server.withPointer { address, length in
            Self.uninterrupted { connect(descriptor, address, length) } == 0
        }
        precondition(isBound && isConnected, "no connection: \(String(cString: strerror(errno)))")
    }

    /// Takes the connection of who calls at a listening socket.
    init(calling listener: Int32, patience: Int) {
        var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        precondition(Self.uninterrupted { poll(&entry, 1, Int32(patience * 1000)) } == 1, "nobody calls")
        descriptor = accept(listener, nil, nil)
        precondition(descriptor >= 0, "no connection: \(String(cString: strerror(errno)))")
        setOptions(patience)
        // No port stays taken afterwards.
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
    }

    deinit { close(descriptor) }

    /// Makes a call again that a signal interrupted: libFuzzer has a timer.
    private static func uninterrupted(_ call: () -> Int32) -> Int32 {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private func setOptions(_ patience: Int) {
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        // Each piece is a segment.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends bytes: all at once where `size` is 0, else the first 64 pieces by themselves. What a side that has gone
    /// would have been sent is left out.
    func send(_ bytes: UnsafeRawBufferPointer, inPiecesOf size: Int) {
        var rest = bytes[...]
        var pieces = 0
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: size == 0 || pieces == 64 ? rest : rest.prefix(size))
            let count = Glibc.send(descriptor, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
            pieces = min(64, pieces + 1)
        }
    }

    /// No more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Reads what is answered; false where the end of it does not come in time.
    func readToEnd() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while true {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return true }
                if count < 0, errno == EAGAIN { return false }
            }
        }
    }
}
