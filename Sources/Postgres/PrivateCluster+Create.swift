import Foundation

extension PrivateCluster {
    /// Makes the data folder with its roles and database, aside, and moves it into place when it is whole.
    func create(_ layout: ClusterLayout, _ account: ServerAccount, _ programs: ServerPrograms) throws {
        // What an interrupted attempt left.
        try? FileManager.default.removeItem(atPath: layout.staging)
        try Self.makeFolder(layout.staging, for: account)
        do {
            try initialize(layout, account, programs)
            try includeConfiguration(layout)
            try makeRolesAndDatabase(layout, account, programs)
        } catch {
            try? FileManager.default.removeItem(atPath: layout.staging)
            throw error
        }
        guard rename(layout.staging, layout.data) == 0 else {
            throw PrivateClusterError(
                .creationFailed, "\(layout.staging) can't be renamed: \(String(cString: strerror(errno)))")
        }
    }

    private func initialize(_ layout: ClusterLayout, _ account: ServerAccount, _ programs: ServerPrograms) throws {
        var arguments = [
            "--pgdata=data.creating", "--username=\(Self.ownerRole)", "--encoding=UTF8", "--data-checksums",
            // Sorted by code point, so that no update of the C library can disorder an index; letters of all
            // alphabets have upper and lower case; messages are English, as this program reads a few of them.
            "--locale=C", "--lc-ctype=C.UTF-8", "--lc-messages=C", "--auth-local=peer", "--auth-host=reject",
        ]
        if settings["fsync"] == "off" { arguments.append("--no-sync") }
        let run = try ServerProcess.run("\(programs.directory)/initdb", arguments, as: account, in: layout.root)
        guard run.status == 0 else {
            throw PrivateClusterError(
                .creationFailed,
                "the database cluster in \(layout.root) could not be made; initdb ended with:\n\(Self.end(of: run))")
        }
    }

    /// Adds our settings after those that initdb wrote.
    private func includeConfiguration(_ layout: ClusterLayout) throws {
        let file = "\(layout.staging)/postgresql.conf"
        let descriptor = open(file, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw PrivateClusterError(.creationFailed, "\(file) can't be opened: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: Data("\ninclude '../longview.conf'\n".utf8))
    }

    /// Makes roles and database with the server in single-user mode, one command a line.
    private func makeRolesAndDatabase(
        _ layout: ClusterLayout, _ account: ServerAccount, _ programs: ServerPrograms
    ) throws {
        let commands =
            // PostgreSQL 13 and 14 let everybody make tables in public; databases made from template1 no longer do.
            ["REVOKE CREATE ON SCHEMA public FROM PUBLIC;"]
            + Self.workingRoles.map {
                "CREATE ROLE \($0) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;"
            }
            + ["CREATE DATABASE \(Self.databaseName) OWNER \(Self.ownerRole);"]
            + Self.grants(onDatabase: Self.databaseName)
        let run = try ServerProcess.run(
            "\(programs.directory)/postgres",
            ["--single", "-D", "data.creating", "-c", "exit_on_error=true", "template1"],
            as: account, in: layout.root, input: commands.joined(separator: "\n") + "\n")
        guard run.status == 0 else {
            throw PrivateClusterError(
                .creationFailed,
                "roles and database in \(layout.root) could not be made; the server said:\n\(Self.end(of: run))")
        }
    }

    /// Only these roles may connect, and but for the owner none makes temporary tables.
    private static func grants(onDatabase name: String) -> [String] {
        ["REVOKE ALL ON DATABASE \(name) FROM PUBLIC;"]
            + workingRoles.map { "GRANT CONNECT ON DATABASE \(name) TO \($0);" }
    }

    private static func end(of run: ServerProcess.Outcome) -> String {
        run.output.split(separator: "\n").suffix(10).joined(separator: "\n")
    }

    // MARK: Further databases

    /// Makes a database like ``databaseName``, owned by ``ownerRole``. The server must run.
    ///
    /// - Parameter name: lower-case letters, digits and underscores, at most 63, not beginning with a digit.
    public func createDatabase(_ name: String, on connection: PostgresConnection) async throws {
        let name = try Self.checkedName(name)
        try await connection.execute(SQL(trusted: "CREATE DATABASE \(name) OWNER \(Self.ownerRole)"))
        for grant in Self.grants(onDatabase: name) { try await connection.execute(SQL(trusted: grant)) }
    }

    /// Removes a database and ends the sessions in it.
    public func dropDatabase(_ name: String, on connection: PostgresConnection) async throws {
        let name = try Self.checkedName(name)
        try await connection.execute(SQL(trusted: "DROP DATABASE IF EXISTS \(name) WITH (FORCE)"))
    }

    private static func checkedName(_ name: String) throws -> String {
        // An identifier is at most 63 bytes (NAMEDATALEN).
        guard name.wholeMatch(of: /[a-z_][a-z0-9_]{0,62}/) != nil else {
            throw PrivateClusterError(
                .failed, "\"\(name)\" is no name for a database; use lower-case letters, digits and underscores")
        }
        return name
    }
}
