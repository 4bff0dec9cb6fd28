import DICOM
import Crypto
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
        self.init(sha256: SHA256.hash(data: bytes).hex, kind: kind, byteCount: bytes.count)
    }

    /// Adds what the DICOM object says of itself (PS3.3 C.7.1 patient, C.7.2 study, C.7.3 series, C.12.1 SOP common).
    mutating func describe(as object: DICOMObject) {
        let dataset = object.dataset
        kind = .dicom
        transferSyntaxUID = object.transferSyntaxUID
        // PostgreSQL has no U+0000 in text; an object that holds one must not stop the others.
        func text(_ tag: DICOMTag) -> String? { dataset.string(tag)?.replacing("\0", with: "\u{FFFD}") }
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

extension SHA256.Digest {
    /// Lower-case hexadecimal.
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
