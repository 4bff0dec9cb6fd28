import CDCMTK

/// An association of the upper layer. Ended and freed with the last reference.
///
/// `@unchecked Sendable`: one thread reads and writes; ``cancel()`` may be called from any, and is made for that.
final class AssociationHandle: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// One message that came: a command set, and the presentation context it is about.
    struct Message {
        var context: UInt8
        var command: DIMSECommand
    }

    /// What was agreed on in an accepted presentation context.
    struct Context: Equatable {
        var abstractSyntaxUID: String
        var transferSyntaxUID: String
    }

    /// Throws where DCMTK can't negotiate that length.
    static func check(maximumPDU: Int) throws(AssociationError) {
        let (smallest, largest) = (Int(CDCMTK_SMALLEST_PDU), Int(CDCMTK_LARGEST_PDU))
        guard (smallest...largest).contains(maximumPDU) else {
            throw AssociationError(.network, "the maximum PDU length must be from \(smallest) to \(largest) bytes.")
        }
    }

    /// Takes over a connected socket, and waits for the request of an association.
    init(
        socket: Int32, wake: Int32, tls: TLSHandle?, maximumPDU: Int, within limit: Duration
    ) throws(AssociationError) {
        var created: OpaquePointer?
        var message = CDCMTK_message()
        let status = CDCMTK_association_receive(
            socket, wake, tls?.pointer, UInt32(maximumPDU), limit.milliseconds, &created, &message)
        try AssociationError.check(status, message)
        pointer = created!
    }

    /// Requests an association; proposal number n has the presentation context 2n + 1.
    init(_ configuration: StorageClient.Configuration, tls: TLSHandle?, proposals: [Context]) throws(AssociationError) {
        var created: OpaquePointer?
        var message = CDCMTK_message()
        var rejection = CDCMTK_rejection()
        let status = configuration.withRequest(tls: tls, proposals: proposals) { request in
            withUnsafePointer(to: request) { CDCMTK_association_request($0, &created, &rejection, &message) }
        }
        try AssociationError.check(
            status, message,
            rejection: status == CDCMTK_REJECTED
                ? AssociationRejection(
                    isTransient: rejection.isTransient != 0, source: Int(rejection.source),
                    reason: Int(rejection.reason)) : nil)
        pointer = created!
    }

    deinit { CDCMTK_association_destroy(pointer) }

    /// What the requestor said of itself.
    var peer: CDCMTK_peer {
        var peer = CDCMTK_peer()
        CDCMTK_association_peer(pointer, &peer)
        return peer
    }

    func acknowledge(
        abstractSyntaxes: [String], transferSyntaxes: [String], within limit: Duration
    ) throws(AssociationError) {
        var message = CDCMTK_message()
        let status = abstractSyntaxes.withCStrings { abstractSyntaxes in
            transferSyntaxes.withCStrings { transferSyntaxes in
                CDCMTK_association_acknowledge(
                    pointer, abstractSyntaxes.baseAddress, abstractSyntaxes.count, transferSyntaxes.baseAddress,
                    transferSyntaxes.count, limit.milliseconds, &message)
            }
        }
        try AssociationError.check(status, message)
    }

    func reject(_ rejection: AssociationRejection) {
        CDCMTK_association_reject(
            pointer, rejection.isTransient ? 1 : 0, Int32(rejection.source), Int32(rejection.reason))
    }

    func answerRelease() { CDCMTK_association_answer_release(pointer) }

    func release(within limit: Duration) throws(AssociationError) {
        var message = CDCMTK_message()
        try AssociationError.check(CDCMTK_association_release(pointer, limit.milliseconds, &message), message)
    }

    /// Aborts as the service user, or as the provider where the peer broke the protocol.
    func abort(asProvider: Bool = false) { CDCMTK_association_abort(pointer, asProvider ? 2 : 0, 0) }

    /// Ends the connection, from any thread.
    func cancel() { CDCMTK_association_cancel(pointer) }

    /// The accepted presentation context with that identifier.
    func context(_ identifier: UInt8) -> Context? {
        var context = CDCMTK_context()
        guard CDCMTK_association_context(pointer, identifier, &context) == CDCMTK_OK else { return nil }
        return Context(
            abstractSyntaxUID: withUnsafeBytes(of: context.abstractSyntax) { String(terminated: $0) },
            transferSyntaxUID: withUnsafeBytes(of: context.transferSyntax) { String(terminated: $0) })
    }

    /// The next command set. It has to begin within `idle`, and to be complete within `limit` from then on.
    func receiveCommand(
        idle: Duration, within limit: Duration, isInterruptible: Bool
    ) throws(AssociationError) -> Message {
        var value = try read(idle: idle, whole: limit, isInterruptible: isInterruptible)
        let end = ContinuousClock.now + limit
        let context = value.context
        var bytes: [UInt8] = []
        while true {
            guard value.isCommand != 0, value.context == context, self.context(context) != nil,
                bytes.count + value.count <= DIMSECommand.longest
            else { throw breach("a command was expected, in an accepted presentation context.") }
            bytes.append(contentsOf: UnsafeBufferPointer(start: value.start, count: value.count))
            if value.isLast != 0 { break }
            let left = end - .now
            value = try read(idle: left, whole: left, isInterruptible: false)
        }
        guard let command = DIMSECommand(bytes) else { throw breach("a command set can't be read.") }
        return Message(context: context, command: command)
    }

    /// Passes the data set that follows a command to `take`, in pieces as they come, until its end.
    ///
    /// No piece may take longer than `gap`. After a first `gap` the whole must have come at `rate` bytes a second or
    /// more, so that a sender can't hold the association by sending a little at a time.
    func receiveDataset(
        context: UInt8, gap: Duration, rate: Int, _ take: (UnsafeRawBufferPointer) throws(AssociationError) -> Void
    ) throws(AssociationError) {
        let start = ContinuousClock.now
        var count = 0
        while true {
            let allowed = gap + .microseconds(Int64(count) * 1_000_000 / Int64(max(1, rate)))
            let left = min(gap, start + allowed - .now)
            let value = try read(idle: left, whole: left, isInterruptible: false)
            guard value.isCommand == 0, value.context == context else {
                throw breach("a data set was expected, in the presentation context of its command.")
            }
            count += value.count
            try take(UnsafeRawBufferPointer(start: value.start, count: value.count))
            if value.isLast != 0 { return }
        }
    }

    func send(_ command: DIMSECommand, context: UInt8, within limit: Duration) throws(AssociationError) {
        try command.encoded.withUnsafeBufferPointer { (bytes) throws(AssociationError) in
            try send(UnsafeRawBufferPointer(bytes), isCommand: true, isLast: true, context: context, within: limit)
        }
    }

    func send(
        _ bytes: UnsafeRawBufferPointer, isCommand: Bool, isLast: Bool, context: UInt8, within limit: Duration
    ) throws(AssociationError) {
        var message = CDCMTK_message()
        let status = CDCMTK_association_write(
            pointer, context, isCommand ? 1 : 0, isLast ? 1 : 0,
            CDCMTK_bytes(start: bytes.bindMemory(to: UInt8.self).baseAddress, count: bytes.count), limit.milliseconds,
            &message)
        try AssociationError.check(status, message)
    }

    /// Sends a request and what `sendDataset` sends, and waits for its response.
    func exchange(
        _ request: DIMSECommand, context: UInt8, within limit: Duration,
        _ sendDataset: () throws(AssociationError) -> Void = { () throws(AssociationError) in }
    ) throws(AssociationError) -> DIMSECommand {
        try send(request, context: context, within: limit)
        try sendDataset()
        let response = try receiveCommand(idle: limit, within: limit, isInterruptible: false).command
        guard response.field == request.field | DIMSECommand.Field.response, !response.hasDataset,
            response.messageIDBeingRespondedTo == request.messageID, response.status != nil
        else { throw breach("the peer answered something else than what it was asked.") }
        return response
    }

    private func read(idle: Duration, whole: Duration, isInterruptible: Bool) throws(AssociationError) -> CDCMTK_pdv {
        var value = CDCMTK_pdv()
        var message = CDCMTK_message()
        let status = CDCMTK_association_read(
            pointer, idle.milliseconds, whole.milliseconds, isInterruptible ? 1 : 0, &value, &message)
        try AssociationError.check(status, message)
        return value
    }

    private func breach(_ text: String) -> AssociationError {
        abort(asProvider: true)
        return AssociationError(.protocolError, text)
    }
}

extension Duration {
    /// For C: whole milliseconds, from 0 to some seven weeks.
    var milliseconds: UInt32 {
        UInt32(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}

extension String {
    /// Text of a C array of characters, up to its NUL.
    init(terminated bytes: UnsafeRawBufferPointer) { self.init(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}

extension [String] {
    /// The strings as C has them, for the time of the call.
    func withCStrings<Result>(_ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result) -> Result {
        // One buffer for all, each ended by NUL.
        let bytes = flatMap { $0.utf8CString }
        return bytes.withUnsafeBufferPointer { buffer in
            var offset = 0
            let pointers: [UnsafePointer<CChar>?] = map { string in
                defer { offset += string.utf8.count + 1 }
                return buffer.baseAddress! + offset
            }
            return pointers.withUnsafeBufferPointer(body)
        }
    }
}
