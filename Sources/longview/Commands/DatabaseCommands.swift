import ArgumentParser
import Foundation
import Postgres
import Store

struct DatabaseCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "The private PostgreSQL, and the schema of any database.",
        subcommands: [
            DatabaseStart.self, DatabaseStop.self, DatabaseStatus.self, DatabaseMigrate.self, DatabaseRoles.self,
            DatabaseURL.self,
        ])

    /// The private cluster, where no other database is named.
    static func privateCluster(_ settings: Settings) throws -> PrivateCluster {
        guard try settings.namedDatabase() == nil else {
            throw Failure(
                "DATABASE_URL or PG* names a database that Longview does not run; unset them to use the private one")
        }
        return settings.cluster
    }
}

struct DatabaseStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start the private PostgreSQL, making it the first time.")

    func run() async throws {
        let settings = Settings()
        let cluster = try DatabaseCommands.privateCluster(settings)
        let owner = try await cluster.start()
        let applied = try await Schema.withConnection(owner) {
            try await Schema.migrate(on: $0, recorder: settings.recorder(.person))
        }
        Console.out("running  \(try cluster.url())")
        if !applied.isEmpty { Console.note("schema: applied \(applied.map(\.fileName).joined(separator: ", "))") }
    }
}

struct DatabaseStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "Stop the private PostgreSQL.")

    func run() async throws {
        try await DatabaseCommands.privateCluster(Settings()).stop()
        Console.out("stopped")
    }
}

struct DatabaseStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Whether the database runs, and which schema it has.")

    func run() async throws {
        let settings = Settings()
        let configuration: PostgresConfiguration
        if let named = try settings.namedDatabase() {
            Console.out("database  \(named)")
            configuration = named
        } else {
            let cluster = settings.cluster
            switch cluster.status() {
            case .running(let process):
                Console.out("private cluster  running (process \(process))  \(try cluster.url())")
                configuration = try cluster.configuration()
            case .stopped:
                throw Failure("the private cluster is stopped; run `longview db start`")
            case .absent:
                throw Failure("there is no private cluster yet; run `longview db start`")
            }
        }
        let state = try await Schema.withConnection(configuration) { try await Schema.migrator.status(on: $0) }
        Console.out("schema  \(state.summary)")
        if !state.isCurrent { throw ExitCode.failure }
    }
}

struct DatabaseMigrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database to this program's schema.",
        discussion: "Run it as the owner of the tables. Migrations are applied in order, each in a transaction.")

    func run() async throws {
        let settings = Settings()
        let configuration: PostgresConfiguration
        if let named = try settings.namedDatabase() {
            configuration = named
        } else {
            configuration = try await settings.cluster.start()
        }
        let applied = try await Schema.withConnection(configuration) {
            try await Schema.migrate(on: $0, recorder: settings.recorder(.person))
        }
        for migration in applied { Console.out("applied  \(migration.fileName)") }
        if applied.isEmpty { Console.out("the schema is current") }
    }
}

struct DatabaseRoles: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roles", abstract: "Make the roles that rights hang on, and show who has them.",
        discussion: """
            longview_worker is for services; longview_clinician asks for scores, longview_auditor for the trail. Give a \
            person's login a role with GRANT longview_clinician TO ada. Superusers have every role and are not shown.
            """)

    func run() async throws {
        let settings = Settings()
        let named = try settings.namedDatabase()
        let configuration = if let named { named } else { try await settings.cluster.start() }
        let roles = try await Schema.withConnection(configuration) { try await DatabaseRole.prepare(on: $0) }
        var table = Table(["ROLE", "", "LOGINS"])
        for role in roles {
            table.add([role.name, role.isNew ? "made now" : "there", role.members.joined(separator: ", ")])
        }
        for line in table.lines { Console.out(line) }
    }
}

struct DatabaseURL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "url", abstract: "The private database's URL, for psql and other tools.")

    func run() throws {
        Console.out(try DatabaseCommands.privateCluster(Settings()).url())
    }
}
