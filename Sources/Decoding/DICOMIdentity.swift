public import DICOM

/// What a DICOM object says of itself and of whom it belongs to (PS3.3 C.7.1 patient, C.7.2 study, C.7.3 series, C.12.1
/// SOP common): the attributes by which it can be found again. Personal data.
public struct DICOMIdentity: Sendable, Equatable, Codable {
    /// The transfer syntax it was read with.
    public var transferSyntaxUID: String
    /// SOP Class UID (0008,0016) and SOP Instance UID (0008,0018); nil like all below where the object has none.
    public var sopClassUID, sopInstanceUID: String?
    /// Series Instance UID (0020,000E) and Study Instance UID (0020,000D).
    public var seriesInstanceUID, studyInstanceUID: String?
    /// Modality (0008,0060).
    public var modality: String?
    /// Patient ID (0010,0020) and Issuer of Patient ID (0010,0021).
    public var patientID, issuerOfPatientID: String?
    /// Accession Number (0008,0050).
    public var accessionNumber: String?
    /// Study Date (0008,0020), as the object has it.
    public var studyDate: String?

    /// The identity of `object`.
    public init(_ object: DICOMObject) {
        let dataset = object.dataset
        // PostgreSQL has no U+0000 in text; an object that holds one must not stop the others.
        func text(_ tag: DICOMTag) -> String? { dataset.string(tag)?.replacing("\0", with: "\u{FFFD}") }
        transferSyntaxUID = object.transferSyntaxUID
        sopClassUID = text(.sopClassUID)
        sopInstanceUID = text(.sopInstanceUID)
        seriesInstanceUID = text(.seriesInstanceUID)
        studyInstanceUID = text(.studyInstanceUID)
        modality = text(.modality)
        patientID = text(.patientID)
        issuerOfPatientID = text(.issuerOfPatientID)
        accessionNumber = text(.accessionNumber)
        studyDate = text(.studyDate)
    }
}
