/// What a C-STORE request says of the object that follows.
public struct IncomingObject: Sendable {
    /// SOP Class UID of the presentation context.
    public let sopClassUID: String
    /// SOP Instance UID, well-formed.
    public let sopInstanceUID: String
    /// The transfer syntax the data set is sent, and kept, in.
    public let transferSyntaxUID: String
    /// Who sends it.
    public let peer: StoragePeer
}

/// Why an object is not taken in, as its sender is told.
public struct StorageFailure: Error, Sendable, Hashable {
    /// The status of the response.
    public let status: DIMSEStatus
    /// A comment of at most 64 characters of ASCII; never an attribute's value.
    public let comment: String

    /// A failure with a status and a comment.
    public init(_ status: DIMSEStatus, _ comment: String) {
        self.status = status
        self.comment = comment
    }
}

/// One object on its way in.
///
/// ``append(_:)`` is called with the pieces of a DICOM file (PS3.10), as they come: preamble and file meta information
/// first, then the data set bit for bit as it was sent. Written to a file one after the other, and hashed on the way,
/// they need no memory to speak of however large the object is. Then, once, either ``finish()`` or ``discard()``.
///
/// All calls come from the association's own thread and may block; meanwhile its sender waits.
public protocol ObjectReception: AnyObject {
    /// Takes the next piece; the bytes are gone when it returns.
    ///
    /// After a failure the rest of the object is read and thrown away, ``discard()`` is called, and the failure is what
    /// the sender is told.
    func append(_ bytes: UnsafeRawBufferPointer) throws(StorageFailure)

    /// The object is complete, and is what its sender said. When this returns the sender is told that it is stored; so
    /// it must be where a power cut can't reach it. ``discard()`` is not called after a failure here.
    func finish() throws(StorageFailure)

    /// The object will not be complete, or was refused.
    func discard()
}

/// Begins the reception of an object, or refuses it; called on the association's own thread, may block.
public typealias StorageIntake = @Sendable (IncomingObject) throws(StorageFailure) -> any ObjectReception
