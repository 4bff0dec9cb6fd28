/// One run of ``StorageClient/send(_:report:)``, on its thread.
struct StorageSending {
    let configuration: StorageClient.Configuration
    let tls: TLSHandle?
    let paths: [String]
    let report: @Sendable (StorageClient.Result) -> Void

    /// A file, or why it can't be read.
    private typealias Candidate = Result<OutgoingFile, DICOMError>

    /// A presentation context has an odd identifier of one byte (PS3.8 9.3.2.2).
    private static let maximumContexts = 128

    func run() throws(AssociationError) -> [StorageClient.Result] {
        let candidates = paths.map { path -> Candidate in
            do throws(DICOMError) { return .success(try OutgoingFile(path: path)) } catch { return .failure(error) }
        }
        let proposals = proposals(for: candidates)
        guard !proposals.isEmpty else {
            return zip(paths, candidates).map { unsent($0, $1, "there is nothing to be sent.") }
        }
        let handle = try AssociationHandle(configuration, tls: tls, proposals: proposals)
        var results: [StorageClient.Result] = []
        var end: AssociationError?
        for (index, (path, candidate)) in zip(paths, candidates).enumerated() {
            let result: StorageClient.Result
            if let end {
                result = unsent(path, candidate, "the association had ended: \(end)")
            } else {
                do throws(AssociationError) {
                    result = try send(path, candidate, number: index, among: proposals, on: handle)
                } catch {
                    end = error
                    result = unsent(path, candidate, "\(error)")
                }
            }
            report(result)
            results.append(result)
        }
        // All is answered; a peer that does not say goodbye changes nothing.
        if end == nil { try? handle.release(within: configuration.acseTimeout) }
        return results
    }

    /// One presentation context for each SOP class in each transfer syntax, so that nothing has to be encoded anew.
    private func proposals(for candidates: [Candidate]) -> [AssociationHandle.Context] {
        var proposals: [AssociationHandle.Context] = []
        for case .success(let file) in candidates where proposals.count < Self.maximumContexts {
            let context = AssociationHandle.Context(file.identity)
            if !proposals.contains(context) { proposals.append(context) }
        }
        return proposals
    }

    private func send(
        _ path: String, _ candidate: Candidate, number: Int, among proposals: [AssociationHandle.Context],
        on handle: AssociationHandle
    ) throws(AssociationError) -> StorageClient.Result {
        guard case .success(let file) = candidate else { return unsent(path, candidate, "") }
        let identity = file.identity
        guard let place = proposals.firstIndex(of: AssociationHandle.Context(identity)) else {
            return unsent(path, candidate, "there are more kinds of objects than one association has room for.")
        }
        let context = UInt8(2 * place + 1)
        guard handle.context(context)?.transferSyntaxUID == identity.transferSyntaxUID else {
            return unsent(path, candidate, "the peer does not accept the SOP class in this transfer syntax.")
        }
        var command = DIMSECommand(field: DIMSECommand.Field.storeRequest)
        command.messageID = UInt16(truncatingIfNeeded: number + 1)
        command.affectedSOPClassUID = identity.sopClassUID
        command.affectedSOPInstanceUID = identity.sopInstanceUID
        command.hasDataset = true
        let limit = configuration.dimseTimeout
        let response = try handle.exchange(command, context: context, within: limit) { () throws(AssociationError) in
            do {
                try file.eachPiece { bytes, isLast in
                    try handle.send(bytes, isCommand: false, isLast: isLast, context: context, within: limit)
                }
            } catch let error as AssociationError {
                throw error
            } catch {
                // What was begun can't be taken back otherwise.
                handle.abort()
                throw AssociationError(.closed, "\(error)")
            }
        }
        return StorageClient.Result(
            path: path, sopInstanceUID: identity.sopInstanceUID, transferSyntaxUID: identity.transferSyntaxUID,
            status: response.status, message: response.errorComment)
    }

    /// The result of a file that was not sent: its own fault, or else `reason`.
    private func unsent(_ path: String, _ candidate: Candidate, _ reason: String) -> StorageClient.Result {
        switch candidate {
        case .success(let file):
            StorageClient.Result(
                path: path, sopInstanceUID: file.identity.sopInstanceUID,
                transferSyntaxUID: file.identity.transferSyntaxUID, status: nil, message: reason)
        case .failure(let error):
            StorageClient.Result(
                path: path, sopInstanceUID: nil, transferSyntaxUID: nil, status: nil, message: "\(error)")
        }
    }
}

extension AssociationHandle.Context {
    init(_ identity: DatasetIdentity) {
        self.init(abstractSyntaxUID: identity.sopClassUID, transferSyntaxUID: identity.transferSyntaxUID)
    }
}
