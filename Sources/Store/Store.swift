public import Logging
public import Postgres

/// Longview's records in PostgreSQL: the model registry, objects, pictures, inferences and refusals, and the ledger of
/// what was done. Whatever records something adds its entry to the ledger's inbox in the same transaction.
///
/// The application works as the role `longview_worker`, which may add and read rows and change none
/// (`migrations/0001_initial.sql`). Every statement of Longview's is in this target or in `migrations/`.
public struct Store: Sendable {
    let pool: PostgresPool
    let logger: Logger
    /// Who records, and with what.
    public let recorder: Recorder

    /// The role the application works as.
    public static let workerRole = PrivateCluster.workerRole

    /// A store on the database that `configuration` names. No connection is opened yet.
    public init(
        _ configuration: PostgresConfiguration, recorder: Recorder, maximumConnections: Int = 4, logger: Logger
    ) {
        self.recorder = recorder
        self.logger = logger
        var configuration = configuration
        configuration.role = Self.workerRole
        pool = PostgresPool(configuration, maximum: maximumConnections, logger: logger)
    }

    /// Ends all connections; waits for statements under way.
    public func close() async {
        await pool.close()
    }
}
