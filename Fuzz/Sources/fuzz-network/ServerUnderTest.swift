import DICOM
import Dispatch
import Synchronization

/// A storage SCP on the loopback that keeps nothing, and holds itself to what it promises of receptions and connections.
final class ServerUnderTest: Sendable {
    static let shared = ServerUnderTest()

    private let server: StorageServer
    /// One more for each connection that the server is done with.
    private let ended: DispatchSemaphore
    /// Connections so far.
    private let count = Atomic(0)
    private static let patience = 10

    private init() {
        var configuration = StorageServer.Configuration()
        (configuration.address, configuration.port, configuration.callers) = ("127.0.0.1", 0, nil)
        // Small, so that inputs reach it.
        configuration.maximumObjectBytes = 8000
        let ended = DispatchSemaphore(value: 0)
        self.ended = ended
        do throws(AssociationError) {
            server = try StorageServer(
                configuration,
                events: { event in
                    switch event {
                    case .connectionFailed, .rejected, .ended: ended.signal()
                    case .accepted, .echoed, .stored: break
                    }
                },
                intake: { _ throws(StorageFailure) in Reception() })
        } catch {
            fatalError("\(error)")
        }
    }

    /// Sends bytes on a connection of their own, and waits until the server is done with it.
    func meet(_ bytes: UnsafeRawBufferPointer, inPiecesOf size: Int) {
        let peer = Peer(count.wrappingAdd(1, ordering: .relaxed).newValue, port: server.port!, patience: Self.patience)
        peer.send(bytes, inPiecesOf: size)
        peer.finishSending()
        precondition(peer.readToEnd(), "the server holds a connection whose peer is done")
        precondition(
            ended.wait(timeout: .now() + .seconds(Self.patience)) == .success, "the server does not end a connection")
    }

    /// An object that goes nowhere.
    private final class Reception: ObjectReception {
        private var count = 0
        private var isOpen = true

        func append(_ bytes: UnsafeRawBufferPointer) throws(StorageFailure) {
            precondition(isOpen, "a reception that is over is given more")
            count += bytes.count
        }

        func finish() throws(StorageFailure) {
            // Preamble, prefix, and the file meta information.
            precondition(count > 132, "an object without a head is finished")
            end()
        }

        func discard() { end() }

        private func end() {
            precondition(isOpen, "a reception is ended twice")
            isOpen = false
        }

        deinit { precondition(!isOpen, "a reception is neither finished nor discarded") }
    }
}
