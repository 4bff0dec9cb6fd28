import CDCMTK

/// One accepted association of a ``StorageServer``, on its own thread.
struct AssociationSession {
    let server: StorageServer
    let handle: AssociationHandle
    let peer: StoragePeer

    private var configuration: StorageServer.Configuration { server.configuration }

    /// Negotiates and serves until the association ends.
    func run() {
        let start = ContinuousClock.now
        var objects = 0
        let end: AssociationError
        do throws(AssociationError) {
            try handle.acknowledge(
                abstractSyntaxes: [DICOMUID.verification] + StorageServer.sopClassUIDs,
                transferSyntaxes: StorageServer.transferSyntaxUIDs, within: configuration.dimseTimeout)
            server.events(.accepted(peer))
            while true {
                guard !server.isStopping else { throw AssociationError(.stopping, "the server is stopping.") }
                let message = try handle.receiveCommand(
                    idle: configuration.idleTimeout, within: configuration.dimseTimeout, isInterruptible: true)
                objects += try answer(message)
            }
        } catch {
            end = error
        }
        switch end.code {
        case .released: handle.answerRelease()
        case .aborted, .closed, .protocolError: break
        default: handle.abort()
        }
        server.events(.ended(peer, end, objects: objects, duration: .now - start))
    }

    /// Answers one message; returns the number of C-STOREs in it.
    private func answer(_ message: AssociationHandle.Message) throws(AssociationError) -> Int {
        let command = message.command
        switch command.field {
        case DIMSECommand.Field.echoRequest where !command.hasDataset:
            try respond(to: message, .success)
            server.events(.echoed(peer))
            return 0
        case DIMSECommand.Field.storeRequest:
            try store(message)
            return 1
        default:
            guard command.field & DIMSECommand.Field.response == 0 else {
                handle.abort(asProvider: true)
                throw AssociationError(.protocolError, "a response came, and nothing had been asked.")
            }
            if command.hasDataset {
                var discarded = 0
                try receiveDataset(message) { (bytes) throws(AssociationError) in
                    discarded += bytes.count
                    try checkPatience(discarded)
                }
            }
            try respond(to: message, .unrecognisedOperation, "only C-ECHO and C-STORE are offered")
            return 0
        }
    }

    private func store(_ message: AssociationHandle.Message) throws(AssociationError) {
        let start = ContinuousClock.now
        guard let context = handle.context(message.context) else { return }
        var incoming = IncomingDataset(
            message.command, context, peer: peer, maximumBytes: configuration.maximumObjectBytes,
            intake: server.intake)
        if !server.isReady() {
            incoming.refuse(StorageFailure(.outOfResources, "nothing can be taken in just now; send it later"))
        } else if !message.command.hasDataset {
            incoming.refuse(StorageFailure(.cannotUnderstand, "there is no data set"))
        } else {
            incoming.begin()
        }
        if message.command.hasDataset {
            do throws(AssociationError) {
                try receiveDataset(message) { (bytes) throws(AssociationError) in
                    incoming.take(bytes)
                    try checkPatience(incoming.byteCount)
                }
            } catch {
                incoming.abandon()
                throw error
            }
        }
        let failure = incoming.end()
        let status = failure?.status ?? .success
        try respond(to: message, status, failure?.comment)
        server.events(
            .stored(
                peer,
                StorageEvent.Store(
                    status: status, comment: failure?.comment, sopClassUID: context.abstractSyntaxUID,
                    transferSyntaxUID: context.transferSyntaxUID, byteCount: incoming.byteCount,
                    duration: .now - start)))
    }

    private func receiveDataset(
        _ message: AssociationHandle.Message, _ take: (UnsafeRawBufferPointer) throws(AssociationError) -> Void
    ) throws(AssociationError) {
        try handle.receiveDataset(
            context: message.context, gap: configuration.dimseTimeout, rate: configuration.minimumRate, take)
    }

    /// What is too large is read to its end, so that its sender can be told; but not for ever.
    private func checkPatience(_ byteCount: Int) throws(AssociationError) {
        guard byteCount / 2 > configuration.maximumObjectBytes else { return }
        handle.abort()
        throw AssociationError(.protocolError, "an object is more than twice as large as is accepted.")
    }

    private func respond(
        to message: AssociationHandle.Message, _ status: DIMSEStatus, _ comment: String? = nil
    ) throws(AssociationError) {
        try handle.send(
            DIMSECommand(respondingTo: message.command, status, comment: comment), context: message.context,
            within: configuration.dimseTimeout)
    }
}

extension StoragePeer {
    init(_ peer: CDCMTK_peer, address: NetworkAddress, isSecure: Bool) {
        self.address = address.description
        callingTitle = withUnsafeBytes(of: peer.callingTitle) { String(terminated: $0) }
        calledTitle = withUnsafeBytes(of: peer.calledTitle) { String(terminated: $0) }
        implementationClassUID = withUnsafeBytes(of: peer.implementationClass) { String(terminated: $0) }
        implementationVersion = withUnsafeBytes(of: peer.implementationVersion) { String(terminated: $0) }
        self.isSecure = isSecure
    }
}
