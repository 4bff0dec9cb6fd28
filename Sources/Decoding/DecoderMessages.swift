public import DICOM
import Imaging

/// What a decoder process is asked to do with the bytes in shared memory.
enum DecoderRequest: Codable {
    /// Decode, render and judge: ``Preparation``.
    case prepare(PreprocessingProfile)
    /// Tell what the object says of itself.
    case identity
    /// List the attributes.
    case attributes
    /// Decode the first frame's stored values and digest them.
    case digest
    /// Render the picture, whatever the gate would say; colour stays colour.
    case picture(PreprocessingProfile)
    /// Show what confinement does.
    case drill(DecoderDrill)
}

/// What a decoder process answers; pixels follow the message as bare bytes.
enum DecoderReply: Codable {
    case ready(Accepted)
    case refused(Preparation.Refusal, DICOMIdentity?, Timing)
    case identity(DICOMIdentity)
    case attributes(AttributeListing)
    case digest(StoredPixelDigest)
    /// Channels: 1 (grey) or 3 (RGB).
    case picture(width: Int, height: Int, channels: Int)
    /// An object that can't be read, for all requests but `prepare`.
    case unreadable(code: String, message: String)
    /// The errno that a drill's attempt failed with, 0 where it succeeded.
    case drill(Int32)
    /// Nothing to do with the object: the installation is broken.
    case broken(String)

    struct Timing: Codable {
        var decode, render: Double
    }

    struct Accepted: Codable {
        var identity: DICOMIdentity?
        var provenance: RadiographProvenance
        var gate: GateDecision
        var flags: [String]
        var width, height: Int
        var timing: Timing
    }
}

/// The first message of a decoder: that it is set up, and by what it is confined.
struct DecoderGreeting: Codable {
    var confinement: Confinement
    /// Why it can't work, where it can't.
    var complaint: String?
}

/// What a decoder can be told to do instead of decoding, to see that its confinement holds and that its failures are
/// survived: for tests and for `longview doctor`.
public enum DecoderDrill: Codable, Sendable {
    /// What a confined process can't do; each is tried and must fail.
    case openFile, createFile, listFolder, openSocket, startProcess, startProgram, signalOthers, makeCode, raiseLimits
    case trace
    /// How a process ends before its work is done.
    case crash, abort, spin, sleep, exhaustMemory, exhaustStack, babble, promiseTooMuch

    /// Those that only try something.
    public static let attempts: [DecoderDrill] = [
        .openFile, .createFile, .listFolder, .openSocket, .startProcess, .startProgram, .signalOthers, .makeCode,
        .raiseLimits, .trace,
    ]
}

/// All attributes of an object, for the screen of someone who may see them.
public struct AttributeListing: Sendable, Codable {
    /// The transfer syntax it was read with.
    public let transferSyntaxUID: String
    /// Tolerated departures from the standard, as codes.
    public let deviations: [String]
    /// Every attribute, in order.
    public let attributes: [DICOMAttribute]
}

/// The first frame's stored values, digested.
public struct StoredPixelDigest: Sendable, Codable {
    /// The transfer syntax it was read with.
    public let transferSyntaxUID: String
    /// Photometric Interpretation, as the header says.
    public let photometricInterpretation: String
    /// Rows and columns of a frame; frames; Bits Stored.
    public let rows, columns, frames, bitsStored: Int
    /// The smallest and the largest stored value.
    public let minimum, maximum: Int
    /// SHA-256 over the stored values, each as a little-endian 32-bit integer, row-major, samples of a pixel side by
    /// side; lower-case hex.
    public let sha256: String
}
