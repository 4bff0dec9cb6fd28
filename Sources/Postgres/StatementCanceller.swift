import CLibpq
import Dispatch
import Synchronization

/// Asks the server to stop the statement that is running on a connection.
///
/// A request travels on a connection of its own and may arrive before the statement it means, which the server then
/// ignores; so it is repeated until the statement has ended. It is sent under the lock that `end` takes, so none can
/// hit a later statement.
///
/// `@unchecked Sendable`: `request` is not changed after `init` and libpq allows `PQcancel` from any thread; `running`
/// is protected by its mutex.
final class StatementCanceller: @unchecked Sendable {
    private let request: OpaquePointer
    private let running = Mutex<UInt64?>(nil)
    private let serial = Atomic<UInt64>(0)

    /// Its own: sending blocks, and a server that can't be reached must hold up the requests to no other. A serial
    /// queue takes its thread from outside Swift's cooperative pool, which a concurrent one would share on Linux.
    private let queue = DispatchQueue(label: "longview.postgres.cancel")
    private static let interval = DispatchTimeInterval.milliseconds(100)

    init?(connection: OpaquePointer) {
        guard let request = PQgetCancel(connection) else { return nil }
        self.request = request
    }

    deinit {
        PQfreeCancel(request)
    }

    /// Notes that a statement begins; the ticket stands for it.
    func begin() -> UInt64 {
        let ticket = serial.wrappingAdd(1, ordering: .relaxed).newValue
        running.withLock { $0 = ticket }
        return ticket
    }

    /// Notes that the statement has ended. Waits for a request that is being sent.
    func end() {
        running.withLock { $0 = nil }
    }

    /// Cancels the statement of `ticket` if it still runs. Returns at once.
    func cancel(_ ticket: UInt64) {
        queue.async { self.send(ticket) }
    }

    private func send(_ ticket: UInt64) {
        let isRunning = running.withLock { running in
            guard running == ticket else { return false }
            requestNow()
            return true
        }
        guard isRunning else { return }
        queue.asyncAfter(deadline: .now() + Self.interval) { self.send(ticket) }
    }

    /// Sends one request and waits until the server has taken it. A failure is not reported: the caller goes on to
    /// read from the connection, and a server that is gone is seen there.
    func requestNow() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            _ = PQcancel(request, message.baseAddress, Int32(message.count))
        }
    }
}
