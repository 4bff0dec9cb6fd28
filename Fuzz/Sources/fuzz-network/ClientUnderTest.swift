import DICOM
import Dispatch
import Foundation
import Glibc

/// A storage SCU with one small object to send, and a peer for it that answers whatever it is told to.
final class ClientUnderTest: Sendable {
    static let shared = ClientUnderTest()

    private let client: StorageClient
    private let listener: Int32
    /// The object's file, in memory.
    private let path = "/dev/shm/longview-fuzz-network-\(getpid())"
    private static let patience = 10

    private init() {
        do {
            let (descriptor, port) = try loopbackSocket()
            try SystemError.check(listen(descriptor, 8))
            try Data(RecordedAssociations.file()).write(to: URL(filePath: path))
            client = try StorageClient(
                StorageClient.Configuration(
                    host: "127.0.0.1", port: port, callingTitle: "LONGVIEW", calledTitle: "PEER"))
            listener = descriptor
        } catch {
            fatalError("\(error)")
        }
    }

    /// Answers an association with bytes, and waits until the client is done with it.
    func meet(_ bytes: UnsafeRawBufferPointer, inPiecesOf size: Int) {
        let ended = DispatchSemaphore(value: 0)
        Task { [client, path] in
            // An error is as good an end as any.
            _ = try? await client.send([path])
            ended.signal()
        }
        let peer = Peer(calling: listener, patience: Self.patience)
        peer.send(bytes, inPiecesOf: size)
        peer.finishSending()
        precondition(peer.readToEnd(), "the client holds a connection whose peer is done")
        precondition(
            ended.wait(timeout: .now() + .seconds(Self.patience)) == .success, "the client does not end a connection")
    }
}
