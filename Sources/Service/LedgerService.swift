public import Ledger
public import Logging
public import ServiceLifecycle
public import Store

/// Keeps the ledger going: gives entries their places, and publishes a signed checkpoint where there is news.
///
/// Any number may run, on any hosts. Trouble (the database away, an alarm, a witness that does not answer) is logged and
/// tried again; nothing that waits is lost.
public struct LedgerService: Service {
    private let store: Store
    private let publisher: LedgerPublisher?
    private let interval: Duration
    private let logger: Logger

    /// A service on `store`.
    /// - Parameters:
    ///   - publisher: signs checkpoints; nil to give places alone.
    ///   - interval: the time between two checkpoints, where there is news.
    public init(_ store: Store, publisher: LedgerPublisher?, interval: Duration = .seconds(1), logger: Logger) {
        self.store = store
        self.publisher = publisher
        self.interval = interval
        self.logger = logger
    }

    /// Works until it is asked to stop; then once more, so that what is recorded is published.
    public func run() async throws {
        let sequencer = LedgerSequencer(store)
        await cancelWhenGracefulShutdown {
            var pause = interval
            while !Task.isCancelled {
                pause = await round(sequencer) ? interval : min(pause * 2, .seconds(30))
                try? await Task.sleep(for: pause)
            }
        }
        _ = await Task { await round(sequencer) }.value
    }

    private func round(_ sequencer: LedgerSequencer) async -> Bool {
        do {
            try await sequencer.drain()
            try await publisher?.publish()
            return true
        } catch is CancellationError {
            return true
        } catch {
            logger.error("the ledger was not published: \(error)")
            return false
        }
    }
}

extension WitnessClient {
    /// What a publisher calls to have its checkpoints cosigned.
    /// - Parameter policy: how many of the witnesses must; fewer stop publication.
    public func cosigner(_ store: Store, policy: CheckpointPolicy, logger: Logger) -> LedgerPublisher.Cosigner {
        { note, checkpoint in
            let result = try await cosign(note) { oldSize in
                try await store.withLedgerReader { reader, _ in
                    let source = TileNodeSource(size: checkpoint.size) { address in
                        guard let bytes = try reader.read(address) else {
                            throw LedgerError(.outsideTree, "\(address.path) is not there")
                        }
                        return bytes
                    }
                    return try ConsistencyProof(oldSize: oldSize, newSize: checkpoint.size, from: source).hashes
                }
            }
            for (witness, failure) in result.failures {
                logger.warning("the witness \(witness.name) has not cosigned: \(failure)")
                switch failure {
                case .rolledBack, .forked:
                    throw StoreError(
                        .ledgerAlarm,
                        "the witness \(witness.name) has cosigned another history of this ledger (\(failure)); "
                            + "nothing is signed until this is cleared up (docs/audit.md#alarms)")
                default: break
                }
            }
            let signed = try result.note.verifiedSignatures(by: policy.witnessKeys)
            guard signed.count >= policy.requiredCosignatures else {
                throw StoreError(
                    .missingCosignatures,
                    "\(signed.count) of \(policy.requiredCosignatures) witnesses have cosigned; the checkpoint of size "
                        + "\(checkpoint.size) is not published")
            }
            return result.note
        }
    }
}
