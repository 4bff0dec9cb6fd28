/// Which objects may be scored: the `gate` object of a preprocessing profile.
///
/// A score of the wrong picture looks like any other score, so the gate refuses what is known not to be a frontal chest
/// radiograph and flags what its header does not say. Values are compared as code strings: upper case, with surrounding
/// space removed and inner spaces, hyphens and underscores alike.
public struct GateRules: Sendable, Equatable {
    /// What an observation leads to.
    public enum Reaction: String, Sendable, Codable {
        case accept, flag, refuse
    }

    /// SOP Class UIDs (0008,0016) that are scored: Computed Radiography and Digital X-Ray for presentation unless a
    /// profile adds others (radiofluoroscopy, secondary capture). Absent is flagged.
    public var sopClasses = ["1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"]
    /// Values of Modality (0008,0060) that are scored. An absent modality is refused: a department's own radiographs
    /// carry it (type 1 in every image IOD), so its absence says that the object is not what it should be.
    public var modalities = ["CR", "DX"]
    /// Values of Body Part Examined (0018,0015) that are scored; absent, with no anatomic region either, is flagged.
    public var bodyParts = [
        "CHEST", "THORAX", "TORAX", "TORACE", "LUNG", "LUNGS", "CHEST PA", "CHEST AP", "PA CHEST", "AP CHEST",
        "PORT CHEST", "PORTABLE CHEST", "CHEST PORT",
    ]
    /// Codes of Anatomic Region Sequence (0008,2218) that are scored: chest and lung by SNOMED CT, and by the SNOMED RT
    /// identifiers that DICOM used before (PS3.16 CID 4009).
    public var anatomicRegions = [
        "SCT 51185008", "SCT 816094009", "SCT 39607008", "SRT T-D3000", "SNM3 T-D3000", "SRT T-28000", "SNM3 T-28000",
    ]
    /// Values of View Position (0018,5101) that are scored without remark; absent, and what is in no list, is flagged.
    public var frontalViewPositions = ["PA", "AP", "FRONTAL", "AP SUPINE", "AP ERECT", "PA ERECT"]
    /// Values of View Position that are refused, by the code of the refusal.
    public var refusedViewPositions = [
        "lateral_view": ["LL", "RL", "LAT", "LATERAL", "L LAT", "R LAT", "LLAT", "RLAT", "ML", "LM"],
        "oblique_view": ["LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBL", "OBLIQUE"],
        "decubitus_view": ["LLD", "RLD"],
    ]
    /// Codes of View Code Sequence (0054,0220) that are refused, by the code of the refusal (PS3.16 CID 4010).
    public var refusedViewCodes = [
        "lateral_view": [
            "SCT 399173006", "SCT 399198007", "SCT 399067008", "SRT R-10236", "SRT R-10232", "SRT R-102CD",
        ],
        "oblique_view": ["SCT 399182000", "SRT R-102C1", "SCT 399160007", "SRT R-10204"],
    ]
    /// What follows where Patient Orientation (0020,0020) says that this is no upright frontal view; absent is flagged.
    public var wrongOrientation = Reaction.refuse
    /// What follows where Burned In Annotation (0028,0301) is YES: text in the picture may name the patient, and the
    /// network sees it.
    public var burnedInAnnotation = Reaction.flag
    /// What follows where Quality Control Image (0028,0300) is YES: a phantom. BOTH is flagged.
    public var qualityControlImage = Reaction.refuse
    /// Values of Presentation Intent Type (0008,0068) that are refused: unprocessed detector data looks different.
    public var refusedPresentationIntents = ["FOR PROCESSING"]
    /// The youngest the model was made for, in years: below is refused, unknown flagged. Nil where any age is scored.
    public var minimumAge: Double?
    /// The oldest the model was made for, in years: above is flagged.
    public var maximumAge: Double?
    /// The largest share of pixels that may have one and the same level; above, the picture is nearly empty.
    public var maximumUniformShare = 0.95
    /// The most that the longer side may exceed the shorter one, without the border. Of 873 public chest radiographs the
    /// longest is 1.59.
    public var maximumAspectRatio = 2.0
    /// The fewest pixels on the shorter stored side that are scored without remark.
    public var minimumStoredSide = 256
    /// What follows from a picture that, by its pixels, is no upright frontal chest radiograph (`FrontalCheck`).
    public var frontalCheck = FrontalCheckRule.refuse

    /// Rules for frontal chest radiographs from CR and DX systems.
    public init() {}
}

extension GateRules: Codable {
    enum CodingKeys: String, CodingKey {
        case modalities
        case sopClasses = "sop_classes"
        case bodyParts = "body_parts"
        case anatomicRegions = "anatomic_regions"
        case frontalViewPositions = "frontal_view_positions"
        case refusedViewPositions = "refused_view_positions"
        case refusedViewCodes = "refused_view_codes"
        case wrongOrientation = "wrong_orientation"
        case burnedInAnnotation = "burned_in_annotation"
        case qualityControlImage = "quality_control_image"
        case refusedPresentationIntents = "refused_presentation_intents"
        case minimumAge = "minimum_age"
        case maximumAge = "maximum_age"
        case maximumUniformShare = "maximum_uniform_share"
        case maximumAspectRatio = "maximum_aspect_ratio"
        case minimumStoredSide = "minimum_stored_side"
        case frontalCheck = "frontal_check"
    }

    /// Reads rules; a rule that is absent has its default. Throws `DecodingError` for wrong types.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        func read<Value: Decodable>(_ key: CodingKeys, into rule: inout Value) throws {
            rule = try container.decodeIfPresent(Value.self, forKey: key) ?? rule
        }
        try read(.sopClasses, into: &sopClasses)
        try read(.modalities, into: &modalities)
        try read(.bodyParts, into: &bodyParts)
        try read(.anatomicRegions, into: &anatomicRegions)
        try read(.frontalViewPositions, into: &frontalViewPositions)
        try read(.refusedViewPositions, into: &refusedViewPositions)
        try read(.refusedViewCodes, into: &refusedViewCodes)
        try read(.wrongOrientation, into: &wrongOrientation)
        try read(.burnedInAnnotation, into: &burnedInAnnotation)
        try read(.qualityControlImage, into: &qualityControlImage)
        try read(.refusedPresentationIntents, into: &refusedPresentationIntents)
        minimumAge = try container.decodeIfPresent(Double.self, forKey: .minimumAge)
        maximumAge = try container.decodeIfPresent(Double.self, forKey: .maximumAge)
        try read(.maximumUniformShare, into: &maximumUniformShare)
        try read(.maximumAspectRatio, into: &maximumAspectRatio)
        try read(.minimumStoredSide, into: &minimumStoredSide)
        try read(.frontalCheck, into: &frontalCheck)
    }
}
