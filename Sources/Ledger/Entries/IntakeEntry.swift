/// An object was handed in.
public struct IntakeEntry: Sendable, Equatable, Codable {
    /// The way an object came in.
    public enum Via: String, Sendable, Codable {
        /// The DICOM storage service.
        case dicom
        /// A watched folder.
        case folder
        /// A file named on the command line.
        case file
        /// STOW-RS, DICOM's web service.
        case stow
    }

    /// Commitment to the SHA-256 of the object's bytes.
    public var object: Commitment
    /// The number of those bytes.
    public var byteCount: Int
    /// `dicom`, `png`, `jpeg` or `unknown`.
    public var kind: String
    /// The way it came.
    public var via: Via
    /// Whether the same bytes were here before.
    public var isDuplicate: Bool
    /// How a DICOM object is encoded: a UID of the standard's, nobody's own.
    public var transferSyntaxUID: String?
    /// What a DICOM object is: a UID of the standard's.
    public var sopClassUID: String?
    /// Commitment to the SOP Instance UID; absent where the object has none.
    public var sopInstance: Commitment?
    /// Commitment to the Series Instance UID.
    public var series: Commitment?
    /// Commitment to the Study Instance UID.
    public var study: Commitment?
    /// Commitment to the patient's ID and its issuer.
    public var patient: Commitment?
    /// Commitment to the Accession Number.
    public var accession: Commitment?
    /// The sender's application entity title, where it came over DICOM.
    public var callingAETitle: String?
    /// The title it was sent to.
    public var calledAETitle: String?

    /// What happened, by these values.
    public init(
        object: Commitment, byteCount: Int, kind: String, via: Via, isDuplicate: Bool,
        transferSyntaxUID: String? = nil, sopClassUID: String? = nil, sopInstance: Commitment? = nil,
        series: Commitment? = nil, study: Commitment? = nil, patient: Commitment? = nil, accession: Commitment? = nil,
        callingAETitle: String? = nil, calledAETitle: String? = nil
    ) {
        self.object = object
        self.byteCount = byteCount
        self.kind = kind
        self.via = via
        self.isDuplicate = isDuplicate
        self.transferSyntaxUID = transferSyntaxUID
        self.sopClassUID = sopClassUID
        self.sopInstance = sopInstance
        self.series = series
        self.study = study
        self.patient = patient
        self.accession = accession
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
    }
}
