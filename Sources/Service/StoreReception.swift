import Decoding
import Logging
import Postgres
import Scoring
import Store

/// Hands in at the desk what the parts of one STOW-RS request hold, one after another.
///
/// An instance counts as stored when the desk has accepted it. What fails, fails alone: the parts after it have their
/// turn.
struct StoreReception {
    /// What all requests share.
    struct Site: Sendable {
        let desk: IntakeDesk
        let gate: IntakeGate
        let decoders: DecoderPool
        /// The machine's name, recorded with each intake.
        let host: String
        let logger: Logger
        /// An object's header is read from the whole of it: so many of them are in memory at once.
        let readers = Turns(2)
    }

    private let site: Site
    /// The only study that instances may be of.
    private let study: String?
    /// Who sends, as the tokens name it.
    private let sender: String
    private(set) var answer = StoreAnswer()
    private var object: IncomingObject?

    init(_ site: Site, study: String?, sender: String) {
        self.site = site
        self.study = study
        self.sender = sender
    }

    /// Acts upon what has come.
    mutating func take(_ event: MultipartParser.Event) async {
        switch event {
        case .partBegan(let header): await begin(header)
        case .content(let bytes):
            guard let object else { return }
            do { try await site.desk.write(bytes, to: object) } catch { fail(error, nil) }
        case .partEnded:
            guard let object else { return }
            await end(object)
            self.object = nil
        }
    }

    /// The part under way will not be whole.
    mutating func breakOff(_ reason: StoreAnswer.Reason) {
        guard object != nil else { return }
        fail(reason, nil)
    }

    private mutating func begin(_ header: [String: String]) async {
        // Without a type of its own a part has that of the whole (RFC 2387 section 3.1).
        if let type = header["content-type"], MediaType(type)?.name != "application/dicom" {
            return answer.add(.cannotUnderstand, of: nil)
        }
        if let encoding = header["content-transfer-encoding"], !["binary", "8bit"].contains(encoding.lowercased()) {
            return answer.add(.cannotUnderstand, of: nil)
        }
        guard await site.gate.answer() == .open else { return answer.add(.outOfResources, of: nil) }
        do { object = try await site.desk.newObject() } catch { fail(error, nil) }
    }

    private mutating func end(_ object: IncomingObject) async {
        // PS3.10 section 7.1; what has no prefix might be taken for DICOM of another kind.
        guard object.head.dropFirst(128).starts(with: "DICM".utf8) else { return fail(.cannotUnderstand, nil) }
        var instance: StoreAnswer.Instance?
        do {
            let identity = try await site.readers.run { [site] in
                try await site.decoders.identity(of: object.source)
            }
            instance = .init(classUID: identity.sopClassUID, instanceUID: identity.sopInstanceUID)
            guard instance != nil, study == nil || identity.studyInstanceUID == study else {
                return fail(.doesNotMatch, instance)
            }
            let receipt = try await site.desk.accept(object, from: IntakeSource(.stow, host: site.host)) { record in
                record.describe(as: identity)
            }
            if let instance { answer.add(instance) }
            site.logger.info("took in \(receipt.sha256) from \(sender): \(receipt.outcome.rawValue)")
            if receipt.outcome == .conflicting {
                site.logger.warning(
                    """
                    \(receipt.sha256) has the SOP Instance UID of other bytes; it is kept and not scored: \
                    longview queue retry \(receipt.sha256) has it scored
                    """)
            }
        } catch {
            fail(error, instance)
        }
    }

    private mutating func fail(_ error: any Error, _ instance: StoreAnswer.Instance?) {
        let reason = StoreAnswer.Reason(error)
        // What can't be read is the sender's affair and told there; the rest is this machine's.
        if reason != .cannotUnderstand { site.logger.error("an instance from \(sender) is not stored: \(error)") }
        fail(reason, instance)
    }

    private mutating func fail(_ reason: StoreAnswer.Reason, _ instance: StoreAnswer.Instance?) {
        object?.discard()
        object = nil
        answer.add(reason, of: instance)
    }
}

extension StoreAnswer.Reason {
    /// What a sender is told where this stopped an instance.
    init(_ error: any Error) {
        self =
            switch error {
            case is UnreadableObject: .cannotUnderstand
            case let error as DecoderError: error.isOfThisMachine ? .outOfResources : .cannotUnderstand
            case let error as ObjectFolderError where error.code == .diskFull: .outOfResources
            case let error as PostgresError where error.isTransient: .outOfResources
            case is CancellationError: .outOfResources
            default: .processingFailure
            }
    }
}
