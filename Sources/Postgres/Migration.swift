import Crypto

/// One step of a database's schema: SQL that is run once.
public struct Migration: Sendable, Hashable {
    /// Its place in the order, from 1.
    public let version: Int
    /// What it does, as `initial`.
    public let name: String
    /// The statements. They run in one transaction, so they must not end it.
    public let sql: String
    /// SHA-256 of the statements' UTF-8 bytes.
    public let checksum: [UInt8]

    /// The name of its file, as `0001_initial.sql`.
    public var fileName: String {
        let digits = String(version)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_\(name).sql"
    }

    /// A migration with its SQL at hand.
    public init(version: Int, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
        checksum = Array(SHA256.hash(data: Array(sql.utf8)))
    }

    /// The migration in a file named like `0001_initial.sql`.
    ///
    /// - Throws: ``MigrationError`` with the code `invalidFile` where the name or the UTF-8 is not in order.
    public init(fileName: String, contents: [UInt8]) throws {
        guard let match = fileName.wholeMatch(of: /([0-9]{4,9})_([a-z0-9_]+)\.sql/), let version = Int(match.1) else {
            throw MigrationError(.invalidFile, "\(fileName) is not named like 0001_initial.sql")
        }
        guard let sql = String(validating: contents, as: UTF8.self), !contents.contains(0) else {
            throw MigrationError(.invalidFile, "\(fileName) is not UTF-8 text")
        }
        self.init(version: version, name: String(match.2), sql: sql)
    }
}

/// Why migrations were not run.
public struct MigrationError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. New ones may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as logs and JSON show it.
        public var rawValue: String

        /// The code of a name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A file that is no migration.
        public static let invalidFile = Code(rawValue: "invalid_file")
        /// Versions that don't count 1, 2, 3…, in the program or in the database.
        public static let gap = Code(rawValue: "gap")
        /// The database holds a migration that this program doesn't know.
        public static let unknownMigration = Code(rawValue: "unknown_migration")
        /// A migration that was run has been altered since.
        public static let changedMigration = Code(rawValue: "changed_migration")
        /// A statement failed; its migration left nothing behind.
        public static let failed = Code(rawValue: "failed")
        /// The statements ended their transaction, so that part of them stands.
        public static let endedTransaction = Code(rawValue: "ended_transaction")
    }

    /// The kind of failure.
    public var code: Code
    /// What happened and what to do.
    public var message: String
    /// The error that led to this one.
    public var underlying: (any Error)?

    /// An error of a kind, with its message.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
