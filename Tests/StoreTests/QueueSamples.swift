import Postgres
import Store
import TestSupport
import Testing

extension Samples {
    static let source = IntakeSource(.dicom, callingAETitle: "CR1", calledAETitle: "LONGVIEW", host: "test")

    /// The digest that is `number`'s own.
    static func digest(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    /// An object with bytes and a UID of its own.
    static func object(_ number: Int) -> ObjectRecord {
        var object = ObjectRecord(sha256: digest(number), kind: .dicom, byteCount: 12)
        object.sopInstanceUID = "2.25.\(number)"
        return object
    }

    /// As `store()`, with the sample model active and `objects` taken in.
    static func queue(_ objects: Int = 0, connections: Int = 4) async throws -> (database: TestDatabase, store: Store) {
        let (database, first) = try await store()
        _ = try await first.setState(.active, of: model, reason: nil)
        await first.close()
        let store = Store(
            try database.configuration(user: PrivateCluster.workerRole), recorder: recorder,
            maximumConnections: connections, logger: TestLog.silent)
        for number in 0..<objects { #expect(try await store.intake(object(number), from: source) == .new) }
        return (database, store)
    }

    /// What a worker records of a job.
    static func inference(of job: Job) -> InferenceRecord {
        var object = ObjectRecord(sha256: job.objectSHA256, kind: .dicom, byteCount: 12)
        object.patientID = "P1"
        return inference(of: object)
    }
}

extension Store {
    /// Leases jobs of the sample model from the beginning of the queue.
    func take(
        _ limit: Int, _ selection: JobSelection = .toDecode(in: Samples.source.folder),
        model: String = Samples.model.digest, worker: String = "w1", lease: Duration = .seconds(60)
    ) async throws -> [Job] {
        var cursor = ClaimCursor()
        return try await claim(limit, selection, modelDigest: model, worker: worker, lease: lease, cursor: &cursor)
    }

    /// Leases the first job to `w1` and, when that lease has ended, to `w2`.
    func takeAndPassOn() async throws -> (old: Job, new: Job) {
        let old = try #require(try await take(1, lease: .milliseconds(1)).first)
        try await Task.sleep(for: .milliseconds(20))
        #expect(try await expireLeases() == 1)
        return (old, try #require(try await take(1, worker: "w2").first))
    }
}

extension TestDatabase {
    /// Does something to it as its owner.
    func execute(_ sql: SQL) async throws {
        let owner = try await connect()
        try await owner.execute(sql)
        await owner.close()
    }

    /// The number that a query for `n` gives.
    func count(_ sql: SQL) async throws -> Int {
        let owner = try await connect()
        let count: Int = try await owner.query(sql)[0]["n"]
        await owner.close()
        return count
    }
}
