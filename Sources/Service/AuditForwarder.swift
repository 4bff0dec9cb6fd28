import Foundation
import Ledger
public import Logging
public import ServiceLifecycle
public import Store

/// Delivers the trail to an audit repository as DICOM audit messages by syslog over TLS (IHE ATNA, ITI-20).
///
/// The ledger is the outbox and stays the authority: what was delivered is a number in the database, moved on when the
/// repository's connection has taken the messages. After a fault some may arrive twice, none is left out.
public struct AuditForwarder: Service {
    private let store: Store
    private let sender: SyslogSender
    private let destination: String
    private let logger: Logger

    /// Delivers to `destination`, the name under which deliveries are counted.
    public init(_ store: Store, sender: SyslogSender, destination: String, logger: Logger) {
        self.store = store
        self.sender = sender
        self.destination = destination
        self.logger = logger
    }

    /// Works until it is asked to stop.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    if try await deliver() > 0 { continue }
                    try await Task.sleep(for: .seconds(1))
                } catch is CancellationError {
                    break
                } catch {
                    logger.error("the audit repository \(destination) did not take messages: \(error)")
                    try? await Task.sleep(for: .seconds(10))
                }
            }
        }
        await sender.close()
    }

    /// Delivers what is next; the number of messages.
    public func deliver() async throws -> Int {
        let entries = try await store.undelivered(to: destination)
        guard let last = entries.last else { return 0 }
        let projection = EntryProjection(origin: destination)
        try await sender.send(
            entries.map { placed in
                SyslogMessage(
                    time: placed.entry.time.description, host: placed.entry.source.host,
                    program: placed.entry.source.program, processID: "-",
                    body: try projection.auditMessage(
                        placed.entry, index: placed.index, leaf: MerkleTree.leafHash(placed.bytes)))
            })
        try await store.markDelivered(to: destination, before: last.index + 1)
        return entries.count
    }
}
