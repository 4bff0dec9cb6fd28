/// An object got no score.
public struct RefusalEntry: Sendable, Equatable, Codable {
    /// The refusal's row, a UUIDv7.
    public var refusalID: String
    /// Commitment to the SHA-256 of the object's bytes.
    public var object: Commitment
    /// Commitment to the SOP Instance UID; absent where the object has none.
    public var sopInstance: Commitment?
    /// Commitment to the Study Instance UID.
    public var study: Commitment?
    /// Commitment to the patient's ID and its issuer.
    public var patient: Commitment?
    /// The model whose profile it was prepared for.
    public var model: ModelReference
    /// The step that refused it: `decode`, `render` or `gate`.
    public var stage: String
    /// The reason in snake_case (docs/gate.md).
    public var code: String
    /// The reason in words, which hold no patient's data.
    public var message: String
    /// SHA-256 of the gate's inputs as canonical JSON, where the object got that far.
    public var gateSHA256: MerkleHash?

    /// What happened, by these values.
    public init(
        refusalID: String, object: Commitment, sopInstance: Commitment? = nil, study: Commitment? = nil,
        patient: Commitment? = nil, model: ModelReference, stage: String, code: String, message: String,
        gateSHA256: MerkleHash? = nil
    ) {
        self.refusalID = refusalID
        self.object = object
        self.sopInstance = sopInstance
        self.study = study
        self.patient = patient
        self.model = model
        self.stage = stage
        self.code = code
        self.message = message
        self.gateSHA256 = gateSHA256
    }
}
