public import Decoding
public import Foundation
import Imaging
import Inference
import Postgres
public import Store

/// Scores objects with one model and records every outcome: what the command line and the workers call.
public struct RecordedScoring: Sendable {
    /// Where outcomes are recorded.
    public let store: Store
    /// The model that scores; its package must be registered in the store.
    public let model: ScoringModel
    /// Where untrusted bytes are decoded.
    public let decoders: DecoderPool
    /// Which views of each picture are scored.
    public let views: InferenceRecord.Views
    /// Recorded with every outcome.
    public let longviewVersion, host: String

    private let preparing = ComputeQueue("prepare", concurrent: true)
    private let scoring = ComputeQueue("score", concurrent: false)

    /// Scoring with `model` into `store`; nothing is read or written yet.
    public init(
        store: Store, model: ScoringModel, decoders: DecoderPool, views: InferenceRecord.Views,
        longviewVersion: String, host: String
    ) {
        self.store = store
        self.model = model
        self.decoders = decoders
        self.views = views
        self.longviewVersion = longviewVersion
        self.host = host
    }

    /// What came of one object. Everything but `elapsed` is in the database when this is returned.
    public struct Outcome: Sendable {
        /// How it ended; scores come with the identity of their record.
        public enum Status: Sendable {
            case scored(UUID, InferenceRecord)
            /// The same bytes have a score by this model already.
            case duplicate(UUID, InferenceRecord)
            case refused(Preparation.Refusal)
        }

        /// What was handed in; where a duplicate was found before preparing it, as the database has it.
        public var object: ObjectRecord
        /// How it ended.
        public var status: Status
        /// Milliseconds; zero for steps not taken.
        public var elapsed: Elapsed
    }

    /// Milliseconds spent on each step, recording included.
    public struct Elapsed: Sendable, Codable, Equatable {
        /// Parsing the object and decoding its pixels; zero for PNG and JPEG, which are decoded while rendered.
        public var decode = 0.0
        /// From stored values (PNG and JPEG: from the file) to the picture.
        public var render = 0.0
        /// From the picture to the risk.
        public var score = 0.0
        /// Writing to the database.
        public var record = 0.0
    }

    /// Scores the bytes of one file, or refuses them, and records it. Safe to call for several objects at once: while
    /// one is scored the next is decoded.
    public func process(_ bytes: [UInt8]) async throws -> Outcome {
        var object = try await preparing.run { ObjectRecord(bytes: bytes) }
        if let known = try await store.inference(
            ofObject: object.sha256, modelDigest: model.package.digest, views: views)
        {
            return Outcome(object: known.record.object, status: .duplicate(known.id, known.record), elapsed: .init())
        }
        let prepared = try await decoders.prepare(bytes, profile: model.profile)
        if let identity = prepared.identity { object.describe(as: identity) }
        var elapsed = Elapsed(decode: prepared.decodeMilliseconds, render: prepared.renderMilliseconds)
        var clock = Stopwatch()
        switch prepared.result {
        case .refused(let refusal):
            try await store.record(record(of: refusal, object: object))
            elapsed.record = clock.lap()
            return Outcome(object: object, status: .refused(refusal), elapsed: elapsed)
        case .ready(let ready):
            let (score, milliseconds) = try await scoring.run { [model, views] in
                var clock = Stopwatch()
                return (try model.score(ready.radiograph.picture, views: views), clock.lap())
            }
            elapsed.score = milliseconds
            _ = clock.lap()
            let picture = try await preparing.run { try PictureRecord(ready.radiograph.picture) }
            let record = try record(of: score, ready: ready, object: object, picture: picture, elapsed)
            let outcome = try await store.record(record, picture: picture)
            elapsed.record = clock.lap()
            switch outcome {
            case .recorded(let id):
                return Outcome(object: object, status: .scored(id, record), elapsed: elapsed)
            case .duplicate(let id):
                return Outcome(object: object, status: .duplicate(id, record), elapsed: elapsed)
            }
        }
    }

    private func record(of refusal: Preparation.Refusal, object: ObjectRecord) throws -> RefusalRecord {
        RefusalRecord(
            object: object, modelDigest: model.package.digest, stage: .init(refusal.stage), code: refusal.code,
            message: refusal.message, gate: try refusal.gate.map(JSONText.init(encoding:)),
            longviewVersion: longviewVersion, host: host)
    }

    private func record(
        of score: RiskScore, ready: Preparation.Ready, object: ObjectRecord, picture: PictureRecord, _ elapsed: Elapsed
    ) throws -> InferenceRecord {
        let description = model.package.description
        return InferenceRecord(
            object: object, pictureSHA256: picture.sha256, modelDigest: model.package.digest,
            modelName: description.name, modelVersion: description.version,
            profile: try JSONText(encoding: model.profile),
            rendering: try JSONText(encoding: ready.radiograph.provenance), gate: try JSONText(encoding: ready.gate),
            views: views, viewWeights: score.viewWeights, viewRisks: score.viewRisks, logits: score.logits,
            risk: score.risk, category: score.category, flags: ready.flags,
            timing: .init(decode: elapsed.decode, render: elapsed.render, score: elapsed.score),
            engineVersion: model.network.engine.version, kernels: model.network.engine.kernels.rawValue,
            longviewVersion: longviewVersion, host: host)
    }
}

extension JSONText {
    /// The JSON of a value, keys in order.
    init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

extension RefusalRecord.Stage {
    init(_ stage: Preparation.Stage) {
        self =
            switch stage {
            case .decode: .decode
            case .render: .render
            case .gate: .gate
            }
    }
}

extension PictureRecord {
    /// The picture compressed for keeping.
    init(_ picture: GreyPicture) throws {
        self.init(
            sha256: picture.sha256, width: picture.width, height: picture.height, png: try picture.pngFile())
    }
}
