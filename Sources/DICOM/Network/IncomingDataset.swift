/// The data set of one C-STORE request, on its way from the association to a reception.
///
/// The head is kept until SOP Class UID and SOP Instance UID in it have been held against the command; everything is
/// passed on at once. After a failure the rest is counted and thrown away.
struct IncomingDataset {
    private let command: DIMSECommand
    private let context: AssociationHandle.Context
    private let peer: StoragePeer
    private let maximumBytes: Int
    private let intake: StorageIntake
    private var reception: (any ObjectReception)?
    private var failure: StorageFailure?
    private var head: [UInt8] = []
    private var isIdentified = false
    /// Bytes of the data set so far.
    private(set) var byteCount = 0

    init(
        _ command: DIMSECommand, _ context: AssociationHandle.Context, peer: StoragePeer, maximumBytes: Int,
        intake: @escaping StorageIntake
    ) {
        self.command = command
        self.context = context
        self.peer = peer
        self.maximumBytes = maximumBytes
        self.intake = intake
    }

    /// Looks at the command and, if there is nothing wrong with it, begins a reception with the head of the file.
    mutating func begin() {
        do throws(StorageFailure) {
            guard context.abstractSyntaxUID != DICOMUID.verification,
                command.affectedSOPClassUID == context.abstractSyntaxUID
            else {
                throw StorageFailure(.sopClassNotSupported, "the SOP class is not that of the presentation context")
            }
            guard let instance = command.affectedSOPInstanceUID, DICOMUID.isValid(instance) else {
                throw StorageFailure(.invalidSOPInstance, "the SOP instance UID is not well-formed")
            }
            let fileHead = try fileHead(instance)
            let reception = try intake(
                IncomingObject(
                    sopClassUID: context.abstractSyntaxUID, sopInstanceUID: instance,
                    transferSyntaxUID: context.transferSyntaxUID, peer: peer))
            self.reception = reception
            try fileHead.withUnsafeBufferPointer { (bytes) throws(StorageFailure) in
                try reception.append(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            refuse(error)
        }
    }

    /// The sender will be told of this failure; the first one counts.
    mutating func refuse(_ failure: StorageFailure) {
        if self.failure == nil { self.failure = failure }
        reception?.discard()
        reception = nil
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        byteCount += bytes.count
        guard failure == nil, let reception else { return }
        do throws(StorageFailure) {
            guard byteCount <= maximumBytes else {
                throw StorageFailure(.outOfResources, "the object is larger than the \(maximumBytes) bytes accepted")
            }
            if !isIdentified {
                head.append(contentsOf: bytes.prefix(DatasetIdentity.headCount - head.count))
                if head.count == DatasetIdentity.headCount { try identify(isWhole: false) }
            }
            try reception.append(bytes)
        } catch {
            refuse(error)
        }
    }

    /// The association broke.
    mutating func abandon() {
        reception?.discard()
        reception = nil
    }

    /// The data set is complete: returns what the sender has to be told, nil for success.
    mutating func end() -> StorageFailure? {
        if failure == nil, let reception {
            do throws(StorageFailure) {
                if !isIdentified { try identify(isWhole: true) }
            } catch {
                refuse(error)
                return failure
            }
            self.reception = nil
            do throws(StorageFailure) {
                try reception.finish()
            } catch {
                failure = error
            }
        }
        return failure
    }

    /// Holds what the data set says it is against what the command says.
    private mutating func identify(isWhole: Bool) throws(StorageFailure) {
        isIdentified = true
        defer { head = [] }
        let result: Result<DatasetIdentity, DICOMError> = head.withUnsafeBytes { bytes in
            do throws(DICOMError) {
                return .success(
                    try DatasetIdentity(head: bytes, isWhole: isWhole, transferSyntaxUID: context.transferSyntaxUID))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let identity):
            guard identity.sopClassUID == command.affectedSOPClassUID else {
                throw StorageFailure(.datasetMismatch, "the SOP class of the data set is another than the command's")
            }
            guard identity.sopInstanceUID == command.affectedSOPInstanceUID else {
                throw StorageFailure(.datasetMismatch, "the SOP instance of the data set is not the command's")
            }
        case .failure(let error) where error.code == .invalidAttribute:
            throw StorageFailure(.datasetMismatch, "the data set lacks \(error.tag?.keyword ?? "an identifier")")
        case .failure(let error):
            throw StorageFailure(.cannotUnderstand, "the data set can't be read: \(error.code)")
        }
    }

    private func fileHead(_ instance: String) throws(StorageFailure) -> [UInt8] {
        // A title with a backslash would be two values.
        let title = peer.callingTitle.isEmpty || peer.callingTitle.contains("\\") ? nil : peer.callingTitle
        do throws(DICOMError) {
            return try DICOMBuilder.fileHead(
                sopClassUID: context.abstractSyntaxUID, sopInstanceUID: instance,
                transferSyntaxUID: context.transferSyntaxUID, sourceTitle: title)
        } catch {
            throw StorageFailure(.cannotUnderstand, "file meta information can't be made: \(error.code)")
        }
    }
}
