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
    private let records: RecordMaker

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
        records = RecordMaker(package: model.package, views: views, longviewVersion: longviewVersion, host: host)
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
            try await store.record(records.record(of: refusal, object: object))
            elapsed.record = clock.lap()
            return Outcome(object: object, status: .refused(refusal), elapsed: elapsed)
        case .ready(let ready):
            let (score, milliseconds) = try await scoring.run { [model, views] in
                var clock = Stopwatch()
                return (try model.score(ready.radiograph.picture, views: views), clock.lap())
            }
            elapsed.score = milliseconds
            _ = clock.lap()
            let rendering = try await preparing.run { [elapsed] in
                try RenderingRecord(
                    ready, decodeMilliseconds: elapsed.decode, renderMilliseconds: elapsed.render)
            }
            let record = try records.record(
                of: score, by: model, from: rendering, object: object, scoreMilliseconds: elapsed.score)
            let outcome = try await store.record(record, picture: rendering.picture)
            elapsed.record = clock.lap()
            switch outcome {
            case .recorded(let id):
                return Outcome(object: object, status: .scored(id, record), elapsed: elapsed)
            case .duplicate(let id):
                return Outcome(object: object, status: .duplicate(id, record), elapsed: elapsed)
            }
        }
    }
}
