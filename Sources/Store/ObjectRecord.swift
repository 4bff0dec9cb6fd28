import Ledger
import Postgres

/// What was handed in: its identity, and the attributes by which it can be found again.
public struct ObjectRecord: Sendable, Equatable {
    /// What the bytes turned out to be.
    public enum Kind: String, Sendable {
        case dicom, png, jpeg
        /// Not recognised.
        case unknown
    }

    /// SHA-256 of the bytes, lower-case hex.
    public var sha256: String
    /// Told by the bytes, not by the name of a file.
    public var kind: Kind
    /// Length of the file in bytes.
    public var byteCount: Int
    /// Transfer Syntax UID (0002,0010); like all attributes below nil where the object has none or is not DICOM.
    public var transferSyntaxUID: String?
    /// SOP Class UID (0008,0016).
    public var sopClassUID: String?
    /// SOP Instance UID (0008,0018): the image.
    public var sopInstanceUID: String?
    /// Series Instance UID (0020,000E).
    public var seriesInstanceUID: String?
    /// Study Instance UID (0020,000D).
    public var studyInstanceUID: String?
    /// Modality (0008,0060), for instance DX.
    public var modality: String?
    /// Patient ID (0010,0020): personal data, unique only within its issuer.
    public var patientID: String?
    /// Issuer of Patient ID (0010,0021); nil where the object names none.
    public var issuerOfPatientID: String?
    /// Accession Number (0008,0050): the information system's number of the request.
    public var accessionNumber: String?
    /// Study Date as the object has it (DA: YYYYMMDD).
    public var studyDate: String?

    /// An object of which nothing but its bytes is known.
    public init(sha256: String, kind: Kind, byteCount: Int) {
        self.sha256 = sha256
        self.kind = kind
        self.byteCount = byteCount
    }
}

extension ObjectRecord {
    /// Adds the object. Where its bytes are known already, adds what was not known of it: an object may be received
    /// before it is decoded. Tells whether it is new.
    @discardableResult
    func insert(on connection: PostgresConnection) async throws -> Bool {
        let added = try await connection.execute(
            """
            INSERT INTO longview.objects
                (sha256, kind, byte_count, transfer_syntax_uid, sop_class_uid, sop_instance_uid, series_instance_uid,
                 study_instance_uid, modality, patient_id, issuer_of_patient_id, accession_number, study_date)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (sha256) DO NOTHING
            """,
            sha256, kind.rawValue, byteCount, transferSyntaxUID, sopClassUID, sopInstanceUID, seriesInstanceUID,
            studyInstanceUID, modality, patientID, issuerOfPatientID, accessionNumber, studyDate)
        if added == 1 { return true }
        try await describe(on: connection)
        return false
    }

    /// Adds to an object that is there what was not known of it.
    func describe(on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            UPDATE longview.objects SET
                kind = CASE kind WHEN 'unknown' THEN $2 ELSE kind END,
                transfer_syntax_uid = coalesce(transfer_syntax_uid, $3), sop_class_uid = coalesce(sop_class_uid, $4),
                sop_instance_uid = coalesce(sop_instance_uid, $5),
                series_instance_uid = coalesce(series_instance_uid, $6),
                study_instance_uid = coalesce(study_instance_uid, $7), modality = coalesce(modality, $8),
                patient_id = coalesce(patient_id, $9), issuer_of_patient_id = coalesce(issuer_of_patient_id, $10),
                accession_number = coalesce(accession_number, $11), study_date = coalesce(study_date, $12)
            WHERE sha256 = $1
              AND (kind = 'unknown' AND $2 <> 'unknown'
                   OR num_nulls(transfer_syntax_uid, sop_class_uid, sop_instance_uid, series_instance_uid,
                                study_instance_uid, modality, patient_id, issuer_of_patient_id, accession_number,
                                study_date)
                      > num_nulls(coalesce(transfer_syntax_uid, $3), coalesce(sop_class_uid, $4),
                                  coalesce(sop_instance_uid, $5), coalesce(series_instance_uid, $6),
                                  coalesce(study_instance_uid, $7), coalesce(modality, $8), coalesce(patient_id, $9),
                                  coalesce(issuer_of_patient_id, $10), coalesce(accession_number, $11),
                                  coalesce(study_date, $12)))
            """,
            sha256, kind.rawValue, transferSyntaxUID, sopClassUID, sopInstanceUID, seriesInstanceUID,
            studyInstanceUID, modality, patientID, issuerOfPatientID, accessionNumber, studyDate)
    }

    /// Reads the columns of `longview.objects`, `sha256` under the name `object_sha256`.
    init(_ row: PostgresRow) throws {
        self.init(
            sha256: try row["object_sha256"], kind: Kind(rawValue: try row["kind"]) ?? .unknown,
            byteCount: try row["byte_count"])
        transferSyntaxUID = try row["transfer_syntax_uid"]
        sopClassUID = try row["sop_class_uid"]
        sopInstanceUID = try row["sop_instance_uid"]
        seriesInstanceUID = try row["series_instance_uid"]
        studyInstanceUID = try row["study_instance_uid"]
        modality = try row["modality"]
        patientID = try row["patient_id"]
        issuerOfPatientID = try row["issuer_of_patient_id"]
        accessionNumber = try row["accession_number"]
        studyDate = try row["study_date"]
    }
}

extension Store {
    /// Adds an object that is new, with the entry of its intake; of one that is known, what was not known of it.
    func record(
        _ object: ObjectRecord, via: IntakeEntry.Via, on connection: PostgresConnection
    ) async throws {
        guard try await object.insert(on: connection) else { return }
        let (commitments, moment) = try await ObjectCommitments.now(of: object, on: connection)
        try await recorder.append(
            .intake(IntakeEntry(object, commitments, via: via, isDuplicate: false)), at: moment, on: connection)
    }
}
