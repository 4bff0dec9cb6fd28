import Decoding
import Foundation
import Inference
import Postgres
import Scoring
import Service
import Store
import TestSupport
import Testing

/// A hospital in small: a database with models, an object folder, and a desk where objects are handed in.
struct Site: Sendable {
    let database: TestDatabase
    let store: Store
    let folder: ObjectFolder
    let signal = WorkSignal()
    let desk: IntakeDesk
    let decoders = DecoderPool(path: Products.program("longview-decoder").path, size: 2)
    /// A folder of this site's own.
    let root: URL

    static let recorder = Recorder(host: "test", version: "0")

    static let source = IntakeSource(.dicom, callingAETitle: "CR1", calledAETitle: "LONGVIEW", host: "test")

    /// With version 1 of the shipped model active.
    init() async throws {
        root = try TestFolder.forClusters()
        database = try await TestDatabase.create()
        let owner = try await database.connect()
        _ = try await Schema.migrator.migrate(on: owner)
        await owner.close()
        store = Store(
            try database.configuration(user: PrivateCluster.workerRole), recorder: Self.recorder,
            maximumConnections: 10, logger: TestLog.silent)
        folder = ObjectFolder(root.appendingPathComponent("objects", isDirectory: true))
        try folder.prepare()
        desk = IntakeDesk(folder: folder, store: store, signal: signal, logger: TestLog.silent)
        let model = try await register(version: "1")
        _ = try await store.setState(.active, of: model, reason: nil)
    }

    /// Registers the shipped model under another version: the same network, another digest.
    func register(version: String) async throws -> RegisteredModel {
        let package = try ModelPackage.open(try Self.package(version))
        let model = RegisteredModel(
            digest: package.digest, name: package.description.name, version: package.description.version,
            weightsSHA256: package.description.weightsSHA256!,
            description: String(decoding: package.descriptionBytes, as: UTF8.self))
        #expect(try await store.register(model) == .registered)
        return model
    }

    /// The folder of a version, made when it is first asked for.
    private static func package(_ version: String) throws -> URL {
        let shipped = Repository.root.appendingPathComponent("models/nih-pneumonia-1", isDirectory: true)
        let folder = try packages.get().appendingPathComponent(version, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let weights = folder.appendingPathComponent(ModelPackage.weightsFile)
        try? FileManager.default.createSymbolicLink(
            at: weights, withDestinationURL: shipped.appendingPathComponent(ModelPackage.weightsFile))
        let text = try String(
            contentsOf: shipped.appendingPathComponent(ModelPackage.descriptionFile), encoding: .utf8)
        let changed = text.replacing(/"version": *"[^"]*"/, with: "\"version\": \"\(version)\"", maxReplacements: 1)
        // Whole or not at all: tests that run at the same time use the same packages.
        try Data(changed.utf8).write(
            to: folder.appendingPathComponent(ModelPackage.descriptionFile), options: .atomic)
        return folder
    }

    private static let packages = Result { try TestFolder.forClusters() }

    /// Takes in the small radiograph of this number, as a receiver does that knows its SOP Instance UID.
    @discardableResult
    func send(_ number: Int, priority: JobPriority = .normal) async throws -> IntakeDesk.Receipt {
        try await send(bytes: try SmallRadiograph.file(number), uid: "2.25.\(number)", priority: priority)
    }

    @discardableResult
    func send(bytes: [UInt8], uid: String? = nil, priority: JobPriority = .normal) async throws -> IntakeDesk.Receipt {
        let object = try await desk.newObject()
        try await desk.write(bytes, to: object)
        return try await desk.accept(object, from: Self.source, priority: priority) { $0.sopInstanceUID = uid }
    }

    /// A worker; `load` is called for each model first.
    func worker(
        _ name: String = "w1", folder: ObjectFolder? = nil, change: (inout WorkerSettings) -> Void = { _ in },
        load: @escaping @Sendable (RegisteredModel) async throws -> Void = { _ in }
    ) -> Worker {
        var settings = WorkerSettings(longviewVersion: "0", host: "test", process: 1)
        settings.name = name
        settings.pollInterval = .milliseconds(50)
        settings.modelInterval = .milliseconds(50)
        settings.retries.firstPause = 0.05
        change(&settings)
        return Worker(
            store: store, folder: folder ?? self.folder, decoders: decoders, settings: settings, signal: signal,
            logger: TestLog.silent
        ) { [settings] model in
            try await load(model)
            let package = try Self.package(model.version)
            guard settings.stages.contains(.score) else { return try WorkerModel(renderingFor: package) }
            return WorkerModel(try await ScoringModel.load(package, options: ExecutionOptions(threads: 2)))
        }
    }

    /// Waits until `condition` holds, for a minute at most.
    func wait(
        _ comment: Comment = "it did not come true", sourceLocation: SourceLocation = #_sourceLocation,
        until condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            guard ContinuousClock.now < end else {
                Issue.record(comment, sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Runs `worker` while `body` does.
    func withWorker<Value>(_ worker: Worker, _ body: () async throws -> Value) async throws -> Value {
        let running = Task { try await worker.run() }
        do {
            let value = try await body()
            running.cancel()
            try await running.value
            return value
        } catch {
            running.cancel()
            try await running.value
            throw error
        }
    }

    /// Scores that clinicians see, of any version.
    func scores() async throws -> [StoredInference] { try await reads.inferences(InferenceQuery(limit: 1000)) }

    /// What was refused.
    func refusals() async throws -> [StoredRefusal] { try await reads.refusals(InferenceQuery(limit: 1000)) }

    private var reads: AuditedReads {
        get throws {
            try AuditedReads(
                database.configuration(user: AuditedReads.Role.clinician.rawValue), as: .clinician, purpose: "TREAT",
                recorder: Self.recorder, logger: TestLog.silent)
        }
    }

    func count(_ sql: SQL) async throws -> Int {
        let owner = try await database.connect()
        let count: Int = try await owner.query(sql)[0]["n"]
        await owner.close()
        return count
    }
}

extension ObjectFolder {
    /// The bytes of an object, as a decoder gets them.
    func bytes(_ sha256: String) throws -> [UInt8] {
        let source = try storedObject(sha256).source
        return try [UInt8](unsafeUninitializedCapacity: source.count) { buffer, count in
            try source.write(to: UnsafeMutableRawBufferPointer(buffer))
            count = source.count
        }
    }
}
