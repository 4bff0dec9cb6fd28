import Foundation
import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("A connection")
struct ConnectionTests {
    @Test("rows are a collection, and execute counts the rows concerned")
    func rows() async throws {
        let connection = try await TestDatabase.create().connect()
        let rows = try await connection.query(
            "SELECT n, n * n AS square FROM generate_series(1, $1::int) AS n", Int32(5))
        #expect(rows.count == 5)
        #expect(try rows.map { try $0.decode("square", as: Int.self) } == [1, 4, 9, 16, 25])
        #expect(try rows.last?["n"] == 5)
        try await connection.execute("CREATE TABLE t (n int)")
        #expect(try await connection.execute("INSERT INTO t SELECT generate_series(1, 3)") == 3)
        #expect(try await connection.execute("DELETE FROM t WHERE n > $1", 1) == 2)
    }

    @Test("constraint violations say which kind and which constraint")
    func violations() async throws {
        let connection = try await TestDatabase.create().connect()
        try await connection.execute("CREATE TABLE parent (id int PRIMARY KEY)")
        try await connection.execute(
            """
            CREATE TABLE child (
                id int CONSTRAINT one_id UNIQUE, name text NOT NULL, n int CONSTRAINT positive CHECK (n > 0),
                parent int CONSTRAINT has_parent REFERENCES parent)
            """)
        try await connection.execute("INSERT INTO child VALUES (1, 'a', 1, NULL)")
        let cases: [(SQL, PostgresError.Code, String?)] = [
            ("INSERT INTO child VALUES (1, 'b', 1, NULL)", .uniqueViolation, "one_id"),
            ("INSERT INTO child VALUES (2, NULL, 1, NULL)", .notNullViolation, nil),
            ("INSERT INTO child VALUES (2, 'b', 0, NULL)", .checkViolation, "positive"),
            ("INSERT INTO child VALUES (2, 'b', 1, 9)", .foreignKeyViolation, "has_parent"),
        ]
        for (statement, code, constraint) in cases {
            let error = await #expect(throws: PostgresError.self) { try await connection.execute(statement) }
            #expect(error?.code == code)
            #expect(error?.constraint == constraint)
            #expect(error?.table == "child")
            #expect(error?.isRetryable == false)
        }
        #expect(try await connection.query("SELECT * FROM child").count == 1)
    }

    @Test("descriptions of errors hold no values; the developer's description holds the server's words")
    func descriptions() async throws {
        let connection = try await TestDatabase.create().connect()
        try await connection.execute("CREATE TABLE patient (name text UNIQUE, id uuid, note varchar(3))")
        let name = "MUSTERMANN^ERIKA"
        try await connection.execute("INSERT INTO patient (name) VALUES ($1)", name)
        let failing: [SQL] = [
            "INSERT INTO patient (name) VALUES ($1)", "INSERT INTO patient (id) VALUES ($1::text::uuid)",
            "SELECT $1::regclass", "SELECT $1::text::int", "SELECT $1::text::timestamptz", "SELECT $1::text::json",
            "INSERT INTO patient (note) VALUES ($1::text)", "SELECT set_config($1, 'x', false)",
        ]
        for statement in failing {
            let error = await #expect(throws: PostgresError.self) { try await connection.query(statement, name) }
            #expect(error?.description.contains("MUSTERMANN") == false)
            #expect(error?.description.contains("ERIKA") == false)
            #expect(error?.description.contains("INSERT") == false)
            #expect(error?.debugDescription.contains("statement: ") == true)
        }
        let raise = await #expect(throws: PostgresError.self) {
            try await connection.query("INSERT INTO patient (name) VALUES ($1)", name)
        }
        #expect(raise?.debugDescription.contains(name) == true)
    }

    @Test("common conditions say what to do")
    func advice() async throws {
        let database = try await TestDatabase.create()
        let connection = try await database.connect()
        let missing = await #expect(throws: PostgresError.self) {
            try await connection.query("SELECT * FROM inference")
        }
        #expect(missing?.code == .undefinedObject)
        #expect(missing?.description.contains("longview db migrate") == true)

        try await connection.execute("SET default_transaction_read_only = on")
        let readOnly = await #expect(throws: PostgresError.self) {
            try await connection.execute("CREATE TABLE t (n int)")
        }
        #expect(readOnly?.code == .readOnly)
        try await connection.execute("SET default_transaction_read_only = off")

        try await connection.execute("CREATE TABLE secret (n int)")
        let worker = try await database.connect(user: PrivateCluster.workerRole)
        let denied = await #expect(throws: PostgresError.self) { try await worker.query("SELECT * FROM secret") }
        #expect(denied?.code == .permissionDenied)
        #expect(denied?.description.contains("secret") == true)
    }

    @Test("statements this client does not run are refused and leave it usable")
    func unsupported() async throws {
        let connection = try await TestDatabase.create().connect()
        for statement: SQL in ["", "COPY (SELECT 1) TO STDOUT", "SELECT 1; SELECT 2"] {
            await #expect(throws: PostgresError.self) { try await connection.query(statement) }
        }
        try await connection.execute("CREATE TABLE t (n int)")
        await #expect(throws: PostgresError.self) { try await connection.query("COPY t FROM STDIN") }
        #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1)
    }

    @Test("a connection that can't be made says to what and why, without the password")
    func failures() async throws {
        let database = try await TestDatabase.create()
        let missing = await #expect(throws: PostgresError.self) {
            let url = try database.url().replacingOccurrences(of: database.name, with: "no_such_database")
            _ = try await PostgresConnection.connect(PostgresConfiguration(url: url), logger: TestLog.silent)
        }
        #expect(missing?.code == .databaseMissing)
        #expect(missing?.sqlState == "3D000")
        #expect(missing?.description.contains("no_such_database") == true)

        let role = await #expect(throws: PostgresError.self) {
            _ = try await PostgresConnection.connect(database.configuration(user: "stranger"), logger: TestLog.silent)
        }
        #expect(role?.code == .authenticationFailed)

        let secret = "postgresql://ada:s3cret@127.0.0.1:1/db"
        let configuration = try PostgresConfiguration(url: secret)
        let refused = await #expect(throws: PostgresError.self) {
            _ = try await PostgresConnection.connect(configuration, logger: TestLog.silent)
        }
        #expect(refused?.code == .connectionFailed)
        #expect(refused?.isRetryable == true)
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in [
            refused?.description, refused?.debugDescription, configuration.description, dumped, "\(configuration)",
        ] {
            #expect(text?.contains("s3cret") == false)
            #expect(text?.contains("ada") == true)
        }
    }

    // Nothing else would end the attempt. How long it takes is not held to much: hundreds of tests share a few cores.
    @Test("a server that doesn't answer is given up after the time allowed", .timeLimit(.minutes(10)))
    func connectTimeout() async throws {
        // A socket that accepts and says nothing.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lv-mute-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let mute = try MuteServer(path: folder.appendingPathComponent(".s.PGSQL.5432").path)
        var impatient = try PostgresConfiguration(url: "host=\(folder.path) dbname=d user=u")
        var patient = impatient
        impatient.connectTimeout = .milliseconds(300)
        patient.connectTimeout = .seconds(3600)
        let first = Task { [impatient] in
            _ = try await PostgresConnection.connect(impatient, logger: TestLog.silent)
        }
        let error = await #expect(throws: PostgresError.self) { try await first.value }
        #expect(error?.code == .connectionFailed)

        let task = Task { [patient] in
            _ = try await PostgresConnection.connect(patient, logger: TestLog.silent)
        }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        withExtendedLifetime(mute) {}
    }

    @Test("the session has the role, time-out, time zone and name that were asked for")
    func session() async throws {
        let database = try await TestDatabase.create()
        var configuration = try database.configuration()
        configuration.role = PrivateCluster.workerRole
        configuration.statementTimeout = .milliseconds(100)
        configuration.applicationName = "longview-test"
        let connection = try await PostgresConnection.connect(configuration, logger: TestLog.silent)
        let row = try await connection.query(
            """
            SELECT current_user::text AS role, session_user::text AS login, current_setting('TimeZone') AS zone,
                   current_setting('application_name') AS name
            """)[0]
        #expect(try row["role"] == PrivateCluster.workerRole)
        #expect(try row["login"] == PrivateCluster.ownerRole)
        #expect(try row["zone"] == "UTC")
        #expect(try row["name"] == "longview-test")
        let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT pg_sleep(30)") }
        #expect(error?.code == .statementCancelled)
    }

    @Test("a cancelled task's statement stops, and the connection stays usable")
    func cancellation() async throws {
        let connection = try await TestDatabase.create().connect()
        for delay in [0, 1, 5, 50, 300] {
            let start = ContinuousClock.now
            let task = Task { _ = try await connection.query("SELECT pg_sleep(600)") }
            try await Task.sleep(for: .milliseconds(delay))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock.now - start < .seconds(300))
            // None of the requests hits a later statement.
            for _ in 0..<20 { #expect(try await connection.query("SELECT 1 AS one")[0]["one"] == 1) }
        }
    }

    @Test("a session the server ended is lost, and says so")
    func terminated() async throws {
        let database = try await TestDatabase.create()
        let connection = try await database.connect()
        let other = try await database.connect()
        let process = try await connection.backendProcess
        let task = Task { _ = try await connection.query("SELECT pg_sleep(600)") }
        try await Task.sleep(for: .milliseconds(100))
        try await other.query("SELECT pg_terminate_backend($1)", process)
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.code == .connectionLost)
        #expect(error?.isRetryable == true)
        let later = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
        #expect(later?.code == .connectionLost)
        await connection.close()
        let closed = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
        #expect(closed?.code == .connectionClosed)
    }

    @Test("notices go to the log at their level, without DETAIL")
    func notices() async throws {
        let log = RecordedLog()
        let connection = try await TestDatabase.create().connect(logger: log.logger)
        try await connection.execute(
            """
            DO $$ BEGIN
                RAISE WARNING 'careful' USING DETAIL = 'a secret';
                RAISE NOTICE 'by the way';
                RAISE INFO 'so be it';
            END $$
            """)
        #expect(log.entries == ["warning careful", "notice by the way", "info so be it"])
    }
}

/// A Unix socket whose connections are accepted by the kernel and never answered.
private final class MuteServer {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(descriptor, 8) == 0)
    }

    deinit {
        close(descriptor)
    }
}

/// A logger whose entries can be read.
final class RecordedLog: Sendable {
    private let recorded = Mutex<[String]>([])

    var entries: [String] { recorded.withLock { $0 } }

    var logger: Logger {
        Logger(label: "recorded") { _ in Handler(log: self) }
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.recorded.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }
}
