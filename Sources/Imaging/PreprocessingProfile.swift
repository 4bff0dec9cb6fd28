/// How radiographs become network inputs: the `profile` object of a model's `model.json`.
///
/// The one profile there is, `cxr-risk`, follows the pipeline published with CXR-Risk (Lu et al., JAMA Netw Open
/// 2019;2(7):e197416; fastai 1.0.55), without its random rotation and lighting, so that a score is a function of the
/// radiograph alone: a centre view, and eight views zoomed into the corners, four of them mirrored.
public struct PreprocessingProfile: Sendable, Equatable {
    /// The profile's name; `cxr-risk`.
    public let name: String
    /// The shorter side, in pixels, to which DICOM radiographs are rendered.
    public let renderedShorterSide: Int
    /// Which VOI transform of a DICOM object is applied; none where the profile says nothing.
    public let voi: VOISelection
    /// Rows and columns of a network input.
    public let size: Int
    /// The mean of each channel, subtracted from pixels in 0 … 1.
    public let mean: [Float]
    /// The standard deviation of each channel, by which the difference is divided.
    public let standardDeviation: [Float]
    /// The weight of the centre view's risk; the eight corner views share the rest equally.
    public let centerViewWeight: Double
    /// How far the corner views zoom in.
    public let cornerViewScale: Double
    /// Which objects may be scored.
    public let gate: GateRules

    /// The profile as published, with the default gate.
    public static let cxrRisk = PreprocessingProfile(
        name: "cxr-risk", renderedShorterSide: 512, voi: .none, size: 224, mean: [0.485, 0.456, 0.406],
        standardDeviation: [0.229, 0.224, 0.225], centerViewWeight: 0.4, cornerViewScale: 1.05, gate: GateRules())

    private init(
        name: String, renderedShorterSide: Int, voi: VOISelection, size: Int, mean: [Float], standardDeviation: [Float],
        centerViewWeight: Double, cornerViewScale: Double, gate: GateRules
    ) {
        self.name = name
        self.renderedShorterSide = renderedShorterSide
        self.voi = voi
        self.size = size
        self.mean = mean
        self.standardDeviation = standardDeviation
        self.centerViewWeight = centerViewWeight
        self.cornerViewScale = cornerViewScale
        self.gate = gate
    }

    /// `cxrRisk` with another gate, input size or VOI transform. Throws `ImagingError.Code.invalidProfile` for an
    /// impossible size.
    public static func cxrRisk(
        size: Int = 224, gate: GateRules = GateRules(), voi: VOISelection = .none
    ) throws(ImagingError) -> PreprocessingProfile {
        let known = cxrRisk
        let profile = PreprocessingProfile(
            name: known.name, renderedShorterSide: known.renderedShorterSide, voi: voi, size: size, mean: known.mean,
            standardDeviation: known.standardDeviation, centerViewWeight: known.centerViewWeight,
            cornerViewScale: known.cornerViewScale, gate: gate)
        try profile.validate()
        return profile
    }

    private func validate() throws(ImagingError) {
        func require(_ holds: Bool, _ rule: String) throws(ImagingError) {
            guard holds else { throw ImagingError(.invalidProfile, "the preprocessing profile is impossible: \(rule)") }
        }
        guard name == Self.cxrRisk.name else {
            throw ImagingError(
                .invalidProfile,
                "the preprocessing profile \"\(name)\" is unknown; this version knows \"\(Self.cxrRisk.name)\"")
        }
        try require((32...2048).contains(size), "size must be 32 to 2048")
        try require((32...4096).contains(renderedShorterSide), "rendered_shorter_side must be 32 to 4096")
        try require(mean.count == 3 && mean.allSatisfy(\.isFinite), "mean must be three numbers")
        try require(
            standardDeviation.count == 3 && standardDeviation.allSatisfy { $0.isFinite && $0 > 0 },
            "std must be three numbers above 0")
        try require((0...1).contains(centerViewWeight), "center_view_weight must be 0 to 1")
        try require((1...4).contains(cornerViewScale), "corner_view_scale must be 1 to 4")
    }
}

extension PreprocessingProfile: Codable {
    enum CodingKeys: String, CodingKey {
        case name, voi, size, mean, gate
        case renderedShorterSide = "rendered_shorter_side"
        case standardDeviation = "std"
        case centerViewWeight = "center_view_weight"
        case cornerViewScale = "corner_view_scale"
    }

    /// Reads a profile; whatever is absent, `name` excepted, has the published value. Throws
    /// `ImagingError.Code.invalidProfile` for an unknown name or impossible values, `DecodingError` for wrong types.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let known = Self.cxrRisk
        self.init(
            name: try container.decode(String.self, forKey: .name),
            renderedShorterSide: try container.decodeIfPresent(Int.self, forKey: .renderedShorterSide)
                ?? known.renderedShorterSide,
            voi: try container.decodeIfPresent(VOISelection.self, forKey: .voi) ?? known.voi,
            size: try container.decodeIfPresent(Int.self, forKey: .size) ?? known.size,
            mean: try container.decodeIfPresent([Float].self, forKey: .mean) ?? known.mean,
            standardDeviation: try container.decodeIfPresent([Float].self, forKey: .standardDeviation)
                ?? known.standardDeviation,
            centerViewWeight: try container.decodeIfPresent(Double.self, forKey: .centerViewWeight)
                ?? known.centerViewWeight,
            cornerViewScale: try container.decodeIfPresent(Double.self, forKey: .cornerViewScale)
                ?? known.cornerViewScale,
            gate: try container.decodeIfPresent(GateRules.self, forKey: .gate) ?? GateRules())
        try validate()
    }
}
