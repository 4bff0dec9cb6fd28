import CDCMTK
import Foundation
import Glibc
import Synchronization

/// A storage SCP (PS3.4 annex B) with verification (annex A): listens, negotiates, receives.
///
/// One thread accepts connections, and each association has one of its own, on which the intake and the reception of
/// its objects are called; Swift's cooperative threads are never blocked. Transfer syntaxes are accepted as they are
/// proposed, and data sets are passed on bit for bit.
public final class StorageServer: Sendable {
    /// The port without TLS, if there is one.
    public let port: UInt16?
    /// The port with TLS, if there is one.
    public let securePort: UInt16?

    let configuration: Configuration
    let intake: StorageIntake
    let isReady: @Sendable () -> Bool
    let events: @Sendable (StorageEvent) -> Void
    private let callers: Set<Caller>?
    /// Becomes readable when the server stops, and stays so.
    private let wake: Int32
    private let state: Mutex<State>
    /// The accepting thread and those of connections.
    private let threads = DispatchGroup()

    private struct State {
        /// The other end of `wake`, until it is closed to stop the server.
        var stopper: Int32?
        var isStopping: Bool { stopper == nil }
        /// Connections that are no associations yet, by address.
        var pending: [NetworkAddress: Int] = [:]
        var associations: [ObjectIdentifier: (caller: Caller, handle: AssociationHandle)] = [:]
    }

    /// Listens, and takes objects in until ``stop(within:)``, which has to be called.
    ///
    /// `isReady` is asked before an association is accepted, and before each object is: where it says no, an association
    /// is rejected for temporary congestion and an object is answered with A700. `events` is called on the server's
    /// threads. Throws ``AssociationError``: `network` or `tls`.
    public init(
        _ configuration: Configuration, isReady: @escaping @Sendable () -> Bool = { true },
        events: @escaping @Sendable (StorageEvent) -> Void = { _ in }, intake: @escaping StorageIntake
    ) throws(AssociationError) {
        try AssociationHandle.check(maximumPDU: configuration.maximumPDU)
        self.configuration = configuration
        self.intake = intake
        self.isReady = isReady
        self.events = events
        callers = configuration.callers.map { callers in
            Set(callers.map { Caller(title: $0.title, address: $0.address.map(Self.canonical)) })
        }
        let tls: TLSHandle? =
            if let configuration = configuration.tls { try TLSHandle(configuration, isServer: true) } else { nil }
        var listeners: [(listener: Listener, tls: TLSHandle?)] = []
        do throws(AssociationError) {
            if let port = configuration.port {
                listeners.append((try Listener(address: configuration.address, port: port), nil))
            }
            if let tls {
                listeners.append((try Listener(address: configuration.address, port: configuration.securePort), tls))
            }
        } catch {
            for entry in listeners { close(entry.listener.descriptor) }
            throw error
        }
        guard !listeners.isEmpty else { throw AssociationError(.network, "there is no port to listen on.") }
        port = listeners.first { $0.tls == nil }?.listener.port
        securePort = listeners.first { $0.tls != nil }?.listener.port
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            for entry in listeners { close(entry.listener.descriptor) }
            throw AssociationError(.network, "there are no descriptors left: \(String(cString: strerror(errno))).")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        wake = ends[0]
        state = Mutex(State(stopper: ends[1]))
        startThread { [self, listeners] in accept(listeners) }
    }

    deinit { close(wake) }

    /// Associations there are at this moment.
    public var associationCount: Int { state.withLock { $0.associations.count } }

    /// Ends the server: no new associations; idle ones are aborted; those that are receiving an object finish and answer
    /// it first, as long as that takes no longer than `limit`, after which their connections are cut.
    ///
    /// Returns whether all ended within the limit. A reception that blocks for longer is waited for a second, no more.
    public func stop(within limit: Duration) async -> Bool {
        state.withLock { state in
            if let stopper = state.stopper { close(stopper) }
            state.stopper = nil
        }
        return await withCheckedContinuation { continuation in
            // Waits on a thread of its own, and not on one of Swift's.
            Thread.detachNewThread { [self] in
                let ended = threads.wait(timeout: .now() + .milliseconds(Int(limit.milliseconds))) == .success
                if !ended {
                    for handle in state.withLock({ $0.associations.values.map(\.handle) }) { handle.cancel() }
                    _ = threads.wait(timeout: .now() + .seconds(1))
                }
                continuation.resume(returning: ended)
            }
        }
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    private func startThread(_ body: @escaping @Sendable () -> Void) {
        threads.enter()
        let thread = Thread { [threads] in
            body()
            threads.leave()
        }
        thread.name = "DICOM association"
        thread.stackSize = 4 << 20
        thread.start()
    }

    // MARK: Connections

    private func accept(_ listeners: [(listener: Listener, tls: TLSHandle?)]) {
        var entries = listeners.map { pollfd(fd: $0.listener.descriptor, events: Int16(POLLIN), revents: 0) }
        entries.append(pollfd(fd: wake, events: Int16(POLLIN), revents: 0))
        while !isStopping {
            guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
            for (entry, listener) in zip(entries, listeners) where entry.revents != 0 {
                accept(from: listener.listener, tls: listener.tls)
            }
        }
        for entry in listeners { close(entry.listener.descriptor) }
    }

    private func accept(from listener: Listener, tls: TLSHandle?) {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        let socket = CDCMTK_accept(listener.descriptor, &storage, &length)
        guard socket >= 0 else {
            // Out of descriptors or memory: not a loop that turns at full speed until there are some again.
            if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { usleep(100_000) }
            return
        }
        let address = NetworkAddress(storage)
        guard reservePending(address) else {
            close(socket)
            events(
                .connectionFailed(
                    address: address.description,
                    AssociationError(.tooManyConnections, "too many connections are waiting to become associations.")))
            return
        }
        startThread { [self] in serve(socket, address, tls: tls) }
    }

    private func reservePending(_ address: NetworkAddress) -> Bool {
        state.withLock { state in
            let own = state.pending[address, default: 0]
            guard !state.isStopping, state.pending.values.reduce(0, +) < configuration.maximumPendingConnections,
                own < max(1, configuration.maximumPendingConnections / 2)
            else { return false }
            state.pending[address] = own + 1
            return true
        }
    }

    private func releasePending(_ address: NetworkAddress) {
        state.withLock { state in
            let left = state.pending[address, default: 1] - 1
            state.pending[address] = left == 0 ? nil : left
        }
    }

    /// One connection, from its first byte to its end, on its thread.
    private func serve(_ socket: Int32, _ address: NetworkAddress, tls: TLSHandle?) {
        let handle: AssociationHandle
        do throws(AssociationError) {
            handle = try AssociationHandle(
                socket: socket, wake: wake, tls: tls, maximumPDU: configuration.maximumPDU,
                within: configuration.acseTimeout)
        } catch {
            releasePending(address)
            events(.connectionFailed(address: address.description, error))
            return
        }
        let peer = StoragePeer(handle.peer, address: address, isSecure: tls != nil)
        if let rejection = establish(peer, handle) {
            handle.reject(rejection)
            releasePending(address)
            events(.rejected(peer, rejection))
            return
        }
        releasePending(address)
        AssociationSession(server: self, handle: handle, peer: peer).run()
        state.withLock { _ = $0.associations.removeValue(forKey: ObjectIdentifier(handle)) }
    }

    /// Counts the association among the others, or says why it may not be.
    private func establish(_ peer: StoragePeer, _ handle: AssociationHandle) -> AssociationRejection? {
        guard peer.calledTitle == configuration.title else { return .calledTitleNotRecognised }
        // A title of spaces is none (PS3.5 6.2), and DCMTK can't acknowledge an association without one.
        guard !peer.callingTitle.isEmpty else { return .callingTitleNotRecognised }
        let caller = Caller(title: peer.callingTitle, address: peer.address)
        if let callers, !callers.contains(caller), !callers.contains(Caller(title: peer.callingTitle)) {
            return .callingTitleNotRecognised
        }
        guard isReady() else { return .temporaryCongestion }
        return state.withLock { state in
            guard !state.isStopping else { return .temporaryCongestion }
            let own = state.associations.values.count { $0.caller == caller }
            guard state.associations.count < configuration.maximumAssociations,
                own < configuration.maximumAssociationsPerCaller
            else { return .localLimitExceeded }
            state.associations[ObjectIdentifier(handle)] = (caller, handle)
            return nil
        }
    }

    /// An address as ``StoragePeer/address`` has it.
    private static func canonical(_ address: String) -> String { NetworkAddress(address)?.description ?? address }
}
