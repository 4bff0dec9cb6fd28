import Foundation
import Glibc
import Synchronization

/// A port of the loopback that passes on to another, as a network does: until it is cut, goes silent, or loses a
/// connection after so many bytes.
public final class TCPProxy: Sendable {
    /// Where connections are passed on to: a port of an IPv4 address.
    public struct Target: Sendable {
        let host: String
        let port: UInt16

        /// By default, of the loopback.
        public init(_ host: String = "127.0.0.1", port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    /// From whoever connects to the target, or back.
    public enum Direction: Sendable, CaseIterable {
        case there, back
    }

    /// What becomes of what is sent.
    public enum State: Sendable {
        case passing
        /// Nothing is passed on, and nobody is told.
        case silent
        /// Connections are reset, those that are there and new ones.
        case cut
    }

    private struct Settings {
        var target: Target
        var state = State.passing
        var limits: [Direction: Int] = [:]
        var losesConnections = false
        var isClosed = false
    }

    /// The port to connect to.
    public let port: UInt16
    private let settings: Mutex<Settings>

    /// A proxy on a port that the system chooses.
    public init(to target: Target) throws {
        let listener: Int32
        (listener, port) = try loopbackSocket()
        try SystemError.check(listen(listener, 64))
        settings = Mutex(Settings(target: target))
        Thread.detachNewThread { [self] in
            var connections: [ProxiedConnection] = []
            while pass(listener, &connections) {}
            for connection in connections { connection.reset() }
            Glibc.close(listener)
        }
    }

    /// Connects what comes from now on to another target.
    public func redirect(to target: Target) { settings.withLock { $0.target = target } }

    /// Changes what becomes of what is sent; within a hundredth of a second.
    public func become(_ state: State) { settings.withLock { $0.state = state } }

    /// Resets the connection on which the byte after `count` more would pass in a direction; once.
    public func cut(after count: Int, _ direction: Direction) { settings.withLock { $0.limits[direction] = count } }

    /// Has the connections that are there vanish: neither side is told.
    public func loseConnections() { settings.withLock { $0.losesConnections = true } }

    /// Whether this process may do that.
    public static let canLoseConnections = {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { Glibc.close(descriptor) }
        return ProxiedConnection.setRepair(descriptor)
    }()

    /// Resets what is left and gives the port back.
    public func close() { settings.withLock { $0.isClosed = true } }

    /// Passes on what has come, waiting for a hundredth of a second at most; false when it is closed.
    private func pass(_ listener: Int32, _ connections: inout [ProxiedConnection]) -> Bool {
        let now = settings.withLock { settings in
            defer { settings.losesConnections = false }
            return settings
        }
        guard !now.isClosed else { return false }
        if now.losesConnections {
            for connection in connections { connection.vanish() }
            connections = []
        }
        switch now.state {
        case .cut:
            for connection in connections { connection.reset() }
            connections = []
        case .silent:
            usleep(10_000)
            return true
        case .passing: break
        }
        var waits = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        waits += connections.flatMap { connection in
            Direction.allCases.map { connection.wait($0) }
        }
        guard poll(&waits, nfds_t(waits.count), 10) > 0 else { return true }
        connections = connections.enumerated().filter { index, connection in
            let isWhole = zip(Direction.allCases, waits[(1 + index * 2)...]).allSatisfy { direction, wait in
                wait.revents == 0 || connection.pass(direction, allowed: { self.allowed($0, direction) })
            }
            if !isWhole {
                connection.reset()
            } else if connection.isOver {
                connection.close()
            }
            return isWhole && !connection.isOver
        }.map(\.element)
        if waits[0].revents != 0, case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if now.state == .passing, let connection = ProxiedConnection(descriptor, now.target) {
                connections.append(connection)
            } else {
                ProxiedConnection.reset(descriptor)
            }
        }
        return true
    }

    /// How many of `count` bytes may pass.
    private func allowed(_ count: Int, _ direction: Direction) -> Int {
        settings.withLock { settings in
            guard let limit = settings.limits[direction] else { return count }
            settings.limits[direction] = limit < count ? nil : limit - count
            return min(limit, count)
        }
    }
}
