import Foundation
public import Logging
public import Postgres

/// The right to erasure: destroys what is kept of a patient, and records that it did.
///
/// Runs as the owner of the tables, the only one who may. The ledger's entries stay, with commitments that nobody can
/// open any more.
public struct Erasure: Sendable {
    private let configuration: PostgresConfiguration
    private let recorder: Recorder
    private let logger: Logger

    /// Erasures in the database that `configuration` names, as the owner of its tables.
    public init(_ configuration: PostgresConfiguration, recorder: Recorder, logger: Logger) {
        self.configuration = configuration
        self.recorder = recorder
        self.logger = logger
    }

    /// Destroys a patient's openings, objects, pictures, inferences and refusals in one transaction.
    /// - Parameters:
    ///   - issuer: the issuer of the ID; nil for all there are.
    ///   - reason: a code, or words without personal data: it is recorded.
    /// - Returns: the digests of the objects whose files are to be destroyed too, and the number of identities (an ID
    ///   within its issuer) that were erased; 0 where nothing is known of the patient.
    public func erase(
        patientID: String, issuer: String?, reason: String
    ) async throws -> (identities: Int, objects: [String]) {
        try await PostgresConnection.with(configuration, logger: logger) { connection in
            try await connection.withTransaction { connection in
                let objects: [String] = try await connection.query(
                    "SELECT longview.erase_patient($1, $2, $3, $4) AS sha256", patientID, issuer, reason,
                    recorder.sourceJSON
                ).map { try $0["sha256"] }
                let identities: Int = try await connection.query(
                    """
                    SELECT count(*) AS count FROM longview.erasures
                    WHERE transaction = pg_current_xact_id_if_assigned()
                    """)[0]["count"]
                return (identities, objects)
            }
        }
    }
}
