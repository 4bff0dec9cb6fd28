import Crypto
public import Decoding
import Imaging
public import Store

extension ObjectRecord {
    /// The identity of a file's bytes before anything is read from them.
    public init(bytes: [UInt8]) {
        let kind: Kind =
            switch ImageFileKind.sniff(bytes) {
            case .png: .png
            case .jpeg: .jpeg
            case nil: .unknown
            }
        self.init(sha256: SHA256.hash(data: bytes).lowerCaseHex, kind: kind, byteCount: bytes.count)
    }

    /// Adds what the DICOM object says of itself.
    public mutating func describe(as identity: DICOMIdentity) {
        kind = .dicom
        transferSyntaxUID = identity.transferSyntaxUID
        sopClassUID = identity.sopClassUID
        sopInstanceUID = identity.sopInstanceUID
        seriesInstanceUID = identity.seriesInstanceUID
        studyInstanceUID = identity.studyInstanceUID
        modality = identity.modality
        patientID = identity.patientID
        issuerOfPatientID = identity.issuerOfPatientID
        accessionNumber = identity.accessionNumber
        studyDate = identity.studyDate
    }
}
