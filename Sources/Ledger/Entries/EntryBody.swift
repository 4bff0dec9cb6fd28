/// What happened.
public enum EntryBody: Sendable, Equatable {
    /// An object was handed in.
    case intake(IntakeEntry)
    /// An object got no score.
    case refusal(RefusalEntry)
    /// An object was scored.
    case inference(InferenceEntry)
    /// A score was repeated.
    case replay(ReplayEntry)
    /// A model was registered.
    case modelImport(ModelEntry)
    /// A model scores from here on.
    case modelActivate(ModelEntry)
    /// A model scores beside the active one, for comparison.
    case modelShadow(ModelEntry)
    /// A model scores no more.
    case modelRetire(ModelEntry)
    /// Settings changed.
    case configurationChange(ConfigurationEntry)
    /// Somebody asked for records.
    case read(ReadEntry)
    /// Somebody took note of a score.
    case review(ReviewEntry)
    /// A report was made.
    case report(ReportEntry)
    /// The trail left the system.
    case export(ExportEntry)
    /// A patient's data were destroyed.
    case erasure(ErasureEntry)
    /// A signing key came or went.
    case keyRotation(KeyRotationEntry)
    /// A part of Longview began to work.
    case start(StartEntry)
    /// A part of Longview ended.
    case stop(StopEntry)
    /// The schema changed.
    case migration(MigrationEntry)

    /// The kind of what happened.
    public var type: EntryType {
        switch self {
        case .intake: .intake
        case .refusal: .refusal
        case .inference: .inference
        case .replay: .replay
        case .modelImport: .modelImport
        case .modelActivate: .modelActivate
        case .modelShadow: .modelShadow
        case .modelRetire: .modelRetire
        case .configurationChange: .configurationChange
        case .read: .read
        case .review: .review
        case .report: .report
        case .export: .export
        case .erasure: .erasure
        case .keyRotation: .keyRotation
        case .start: .start
        case .stop: .stop
        case .migration: .migration
        }
    }

    var encodable: any Encodable {
        switch self {
        case .intake(let body): body
        case .refusal(let body): body
        case .inference(let body): body
        case .replay(let body): body
        case .modelImport(let body), .modelActivate(let body), .modelShadow(let body), .modelRetire(let body): body
        case .configurationChange(let body): body
        case .read(let body): body
        case .review(let body): body
        case .report(let body): body
        case .export(let body): body
        case .erasure(let body): body
        case .keyRotation(let body): body
        case .start(let body): body
        case .stop(let body): body
        case .migration(let body): body
        }
    }

    init(_ type: EntryType, decoding value: JSONValue) throws {
        func body<Body: Decodable>() throws -> Body { try JSONValueDecoder.decode(value, at: "body") }
        self =
            switch type {
            case .intake: .intake(try body())
            case .refusal: .refusal(try body())
            case .inference: .inference(try body())
            case .replay: .replay(try body())
            case .modelImport: .modelImport(try body())
            case .modelActivate: .modelActivate(try body())
            case .modelShadow: .modelShadow(try body())
            case .modelRetire: .modelRetire(try body())
            case .configurationChange: .configurationChange(try body())
            case .read: .read(try body())
            case .review: .review(try body())
            case .report: .report(try body())
            case .export: .export(try body())
            case .erasure: .erasure(try body())
            case .keyRotation: .keyRotation(try body())
            case .start: .start(try body())
            case .stop: .stop(try body())
            case .migration: .migration(try body())
            }
    }
}
