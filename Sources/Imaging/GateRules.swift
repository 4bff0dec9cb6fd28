/// Which objects may be scored: the `gate` object of a preprocessing profile.
///
/// A score of the wrong picture looks like any other score, so the gate refuses what is known not to be a frontal chest
/// radiograph and flags what its header does not say. Values are compared as code strings: upper case, with surrounding
/// space removed and inner spaces, hyphens and underscores alike.
public struct GateRules: Sendable, Equatable {
    /// Values of Modality (0008,0060) that are scored. An absent modality is refused: a department's own radiographs
    /// carry it (type 1 in every image IOD), so its absence says that the object is not what it should be.
    public var modalities: [String]
    /// Values of Body Part Examined (0018,0015) that are scored; absent is flagged.
    public var bodyParts: [String]
    /// Values of View Position (0018,5101) that are scored without remark; absent, and what is in no list, is flagged.
    public var frontalViewPositions: [String]
    /// Values of View Position that are refused, by the code of the refusal.
    public var refusedViewPositions: [String: [String]]
    /// Values of Presentation Intent Type (0008,0068) that are refused: unprocessed detector data looks different.
    public var refusedPresentationIntents: [String]
    /// What follows from a picture that, by its pixels, is no upright frontal chest radiograph.
    public var frontalCheck: FrontalCheckRule

    /// Rules for frontal chest radiographs from CR and DX systems.
    public init(
        modalities: [String] = ["CR", "DX"],
        bodyParts: [String] = [
            "CHEST", "THORAX", "TORAX", "TORACE", "LUNG", "LUNGS", "CHEST PA", "CHEST AP", "PA CHEST", "AP CHEST",
            "PORT CHEST", "PORTABLE CHEST", "CHEST PORT",
        ],
        frontalViewPositions: [String] = ["PA", "AP", "FRONTAL", "AP SUPINE", "AP ERECT", "PA ERECT"],
        refusedViewPositions: [String: [String]] = [
            "lateral_view": ["LL", "RL", "LAT", "LATERAL", "L LAT", "R LAT", "LLAT", "RLAT", "ML", "LM"],
            "oblique_view": ["LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBL", "OBLIQUE"],
            "decubitus_view": ["LLD", "RLD"],
        ],
        refusedPresentationIntents: [String] = ["FOR PROCESSING"],
        frontalCheck: FrontalCheckRule = .refuse
    ) {
        self.modalities = modalities
        self.bodyParts = bodyParts
        self.frontalViewPositions = frontalViewPositions
        self.refusedViewPositions = refusedViewPositions
        self.refusedPresentationIntents = refusedPresentationIntents
        self.frontalCheck = frontalCheck
    }
}

extension GateRules: Codable {
    enum CodingKeys: String, CodingKey {
        case modalities
        case bodyParts = "body_parts"
        case frontalViewPositions = "frontal_view_positions"
        case refusedViewPositions = "refused_view_positions"
        case refusedPresentationIntents = "refused_presentation_intents"
        case frontalCheck = "frontal_check"
    }

    /// Reads rules; a rule that is absent has its default. Throws `DecodingError` for wrong types.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let known = GateRules()
        func list(_ key: CodingKeys, _ fallback: [String]) throws -> [String] {
            try container.decodeIfPresent([String].self, forKey: key) ?? fallback
        }
        self.init(
            modalities: try list(.modalities, known.modalities),
            bodyParts: try list(.bodyParts, known.bodyParts),
            frontalViewPositions: try list(.frontalViewPositions, known.frontalViewPositions),
            refusedViewPositions: try container.decodeIfPresent([String: [String]].self, forKey: .refusedViewPositions)
                ?? known.refusedViewPositions,
            refusedPresentationIntents: try list(.refusedPresentationIntents, known.refusedPresentationIntents),
            frontalCheck: try container.decodeIfPresent(FrontalCheckRule.self, forKey: .frontalCheck)
                ?? known.frontalCheck)
    }
}
