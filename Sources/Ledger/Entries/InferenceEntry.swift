/// An object was scored: every column of its row, so that the row can be checked one column at a time.
///
/// The entry's `source` has the row's host and program version, its `time` the row's time.
public struct InferenceEntry: Sendable, Equatable, Codable {
    /// The inference's row, a UUIDv7.
    public var inferenceID: String
    /// Commitment to the SHA-256 of the object's bytes.
    public var object: Commitment
    /// Commitment to the SHA-256 of the rendered picture.
    public var picture: Commitment
    /// Commitment to the SOP Instance UID; absent where the object has none.
    public var sopInstance: Commitment?
    /// Commitment to the Study Instance UID.
    public var study: Commitment?
    /// Commitment to the patient's ID and its issuer.
    public var patient: Commitment?
    /// Commitment to the Accession Number.
    public var accession: Commitment?
    /// What scored it.
    public var model: ModelReference
    /// SHA-256 of the preprocessing profile as canonical JSON.
    public var profileSHA256: MerkleHash
    /// SHA-256 of the rendering's provenance as canonical JSON.
    public var renderingSHA256: MerkleHash
    /// SHA-256 of the gate's decision and inputs as canonical JSON.
    public var gateSHA256: MerkleHash
    /// Which views were scored: `profile` or `center`.
    public var views: String
    /// The weight of each view's risk, in the order of the logits.
    public var viewWeights: [DecimalDouble]
    /// The probability of the risk class, by view.
    public var viewRisks: [DecimalDouble]
    /// Views × classes, row-major, exactly as computed.
    public var logits: [DecimalFloat]
    /// The weighted mean of the views' risks, 0…1.
    public var risk: DecimalDouble
    /// The model's name for that range of risk.
    public var category: String?
    /// The gate's observations, as codes.
    public var flags: [String]
    /// Milliseconds of decoding.
    public var decodeMS: DecimalDouble
    /// Milliseconds of rendering.
    public var renderMS: DecimalDouble
    /// Milliseconds of scoring.
    public var scoreMS: DecimalDouble
    /// The identity of the arithmetic.
    public var engineVersion: String
    /// The instruction set it ran on.
    public var kernels: String

    /// What happened, by these values.
    public init(
        inferenceID: String, object: Commitment, picture: Commitment, sopInstance: Commitment? = nil,
        study: Commitment? = nil, patient: Commitment? = nil, accession: Commitment? = nil, model: ModelReference,
        profileSHA256: MerkleHash, renderingSHA256: MerkleHash, gateSHA256: MerkleHash, views: String,
        viewWeights: [DecimalDouble], viewRisks: [DecimalDouble], logits: [DecimalFloat], risk: DecimalDouble,
        category: String? = nil, flags: [String], decodeMS: DecimalDouble, renderMS: DecimalDouble,
        scoreMS: DecimalDouble, engineVersion: String, kernels: String
    ) {
        self.inferenceID = inferenceID
        self.object = object
        self.picture = picture
        self.sopInstance = sopInstance
        self.study = study
        self.patient = patient
        self.accession = accession
        self.model = model
        self.profileSHA256 = profileSHA256
        self.renderingSHA256 = renderingSHA256
        self.gateSHA256 = gateSHA256
        self.views = views
        self.viewWeights = viewWeights
        self.viewRisks = viewRisks
        self.logits = logits
        self.risk = risk
        self.category = category
        self.flags = flags
        self.decodeMS = decodeMS
        self.renderMS = renderMS
        self.scoreMS = scoreMS
        self.engineVersion = engineVersion
        self.kernels = kernels
    }
}
