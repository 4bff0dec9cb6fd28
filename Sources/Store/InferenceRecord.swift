public import Foundation
public import Postgres

/// Everything a score rests on, as it is kept: what was scored, how it was rendered, by which model, with what result.
public struct InferenceRecord: Sendable, Equatable {
    /// The views that were scored.
    public enum Views: String, Sendable, CaseIterable {
        /// All views of the model's profile, weighted.
        case profile
        /// The centre view alone.
        case center
    }

    /// Milliseconds spent on each step.
    public struct Timing: Sendable, Equatable {
        public var decode, render, score: Double

        /// Steps that took so many milliseconds.
        public init(decode: Double, render: Double, score: Double) {
            self.decode = decode
            self.render = render
            self.score = score
        }
    }

    /// What was scored.
    public var object: ObjectRecord
    /// Digest of the picture the network saw: `PictureRecord.sha256`.
    public var pictureSHA256: String
    /// Digest of the model package, lower-case hex: the model whatever its name.
    public var modelDigest: String
    /// Name of the model at the time.
    public var modelName: String
    /// Version of the model at the time.
    public var modelVersion: String
    /// The preprocessing profile, the rendering's provenance and the gate's decision, each a JSON object.
    public var profile, rendering, gate: JSONText
    /// Which views of the picture were scored.
    public var views: Views
    /// The weight of each view's risk, in the order of the logits; they add up to 1.
    public var viewWeights: [Double]
    /// The probability of the model's risk class, by view.
    public var viewRisks: [Double]
    /// Views × classes, row-major, exactly as the network gave them.
    public var logits: [Float]
    /// The weighted mean of the views' risks, 0…1.
    public var risk: Double
    /// The model's name for that range of risk; nil where the record has none.
    public var category: String?
    /// The gate's observations that a reader of the score should know, as codes.
    public var flags: [String]
    /// How long each step took.
    public var timing: Timing
    /// The engine's arithmetic, the instruction set it ran on, and the program that recorded it.
    public var engineVersion, kernels, longviewVersion, host: String

    /// A record of values as given; the database checks them when it is added.
    public init(
        object: ObjectRecord, pictureSHA256: String, modelDigest: String, modelName: String, modelVersion: String,
        profile: JSONText, rendering: JSONText, gate: JSONText, views: Views, viewWeights: [Double],
        viewRisks: [Double], logits: [Float], risk: Double, category: String?, flags: [String], timing: Timing,
        engineVersion: String, kernels: String, longviewVersion: String, host: String
    ) {
        self.object = object
        self.pictureSHA256 = pictureSHA256
        self.modelDigest = modelDigest
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.profile = profile
        self.rendering = rendering
        self.gate = gate
        self.views = views
        self.viewWeights = viewWeights
        self.viewRisks = viewRisks
        self.logits = logits
        self.risk = risk
        self.category = category
        self.flags = flags
        self.timing = timing
        self.engineVersion = engineVersion
        self.kernels = kernels
        self.longviewVersion = longviewVersion
        self.host = host
    }
}

/// An inference as read back: the record, its identity, and the database's time.
public struct StoredInference: Sendable, Equatable {
    /// UUIDv7, made by the database.
    public var id: UUID
    /// When it was recorded, by the clock of the database.
    public var createdAt: Timestamp
    /// What was recorded.
    public var record: InferenceRecord
}
