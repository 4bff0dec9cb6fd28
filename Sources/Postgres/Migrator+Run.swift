extension Migrator {
    /// Runs one migration and records it, in one transaction.
    func run(_ migration: Migration, on connection: PostgresConnection) async throws {
        do {
            try await connection.withTransaction { connection in
                if migration.version == 1 { try await Self.createTable(on: connection) }
                let transaction = try await Self.transaction(on: connection)
                try await Self.runScript(of: migration, on: connection)
                guard try await Self.transaction(on: connection) == transaction else {
                    throw Self.endedTransaction(migration)
                }
                try await connection.execute(
                    "INSERT INTO public.longview_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                    migration.version, migration.name, migration.checksum)
            }
        } catch let error as PostgresError where !error.isConnectionFailure {
            throw Self.failure(of: migration, "", error)
        }
        connection.logger.info("ran migration \(migration.fileName)")
    }

    private static func runScript(of migration: Migration, on connection: PostgresConnection) async throws {
        var finished = 0
        do {
            try await connection.executeScript(migration.sql) { finished += 1 }
        } catch let error as PostgresError where !error.isConnectionFailure {
            // Had the transaction still been open, it would now be in the failed state.
            guard await connection.isInFailedTransaction else { throw endedTransaction(migration, underlying: error) }
            throw failure(of: migration, place(of: error, in: migration, finished: finished), error)
        }
    }

    private static func failure(of migration: Migration, _ place: String, _ error: PostgresError) -> MigrationError {
        MigrationError(
            .failed, "migration \(migration.fileName) failed\(place) and left nothing behind: \(error)",
            underlying: error)
    }

    private static func endedTransaction(_ migration: Migration, underlying: (any Error)? = nil) -> MigrationError {
        MigrationError(
            .endedTransaction,
            "migration \(migration.fileName) ends its transaction, so that a part of it stands unrecorded; "
                + "remove COMMIT, ROLLBACK and BEGIN from it and mend the database by hand",
            underlying: underlying)
    }

    private static func createTable(on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            CREATE TABLE public.longview_migrations (
                version int PRIMARY KEY CHECK (version > 0),
                name text NOT NULL,
                checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
                applied_at timestamptz NOT NULL DEFAULT now(),
                applied_by text NOT NULL DEFAULT session_user
            )
            """)
        // Any role may see whether the schema is the one it was built for.
        try await connection.execute("GRANT SELECT ON public.longview_migrations TO PUBLIC")
    }

    private static func transaction(on connection: PostgresConnection) async throws -> String {
        try await connection.query("SELECT pg_current_xact_id()::text AS id")[0]["id"]
    }

    /// " at line 12, column 5", where the server said so, else " in statement 4".
    private static func place(of error: PostgresError, in migration: Migration, finished: Int) -> String {
        guard let position = error.position, position > 0 else {
            return " in statement \(finished + 1)"
        }
        let before = migration.sql.unicodeScalars.prefix(position - 1)
        let line = before.count { $0 == "\n" } + 1
        let column = before.reversed().prefix { $0 != "\n" }.count + 1
        return " at line \(line), column \(column)"
    }
}

extension PostgresError {
    fileprivate var isConnectionFailure: Bool {
        [.connectionLost, .connectionClosed, .unknownCommitOutcome].contains(code)
    }
}
