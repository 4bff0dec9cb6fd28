public import Postgres

/// The schema's migrations, built into the program.
public enum Schema {
    /// Brings a database to this program's schema, or says how far it is. Runs as the owner of the tables.
    public static let migrator: Migrator = {
        let migrations = [
            Migration(
                version: 1, name: "initial", sql: String(decoding: PackageResources._001_initial_sql, as: UTF8.self)),
            Migration(
                version: 2, name: "model_states",
                sql: String(decoding: PackageResources._002_model_states_sql, as: UTF8.self)),
            Migration(
                version: 3, name: "queue", sql: String(decoding: PackageResources._005_queue_sql, as: UTF8.self)),
        ]
        do {
            return try Migrator(migrations: migrations)
        } catch {
            // Only a mistake in the list above can lead here, and every test would.
            preconditionFailure("\(error)")
        }
    }()
}
