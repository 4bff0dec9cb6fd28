import DICOM
public import Imaging

/// An object made ready for a model: decoded, rendered, and let through by the gate; or refused on the way.
public struct Preparation: Sendable {
    /// The steps that can refuse an object.
    public enum Stage: String, Sendable, Codable {
        case decode, render, gate
    }

    /// What is to be scored, with everything that led to it.
    public struct Ready: Sendable {
        /// The rendered picture and how it came about.
        public var radiograph: Radiograph
        /// The gate's acceptance, with its flags and inputs.
        public var gate: GateDecision
        /// What the object departs from the standard in, and what a reader of the score should know: codes.
        public var flags: [String]
    }

    /// Why an object gets no score.
    public struct Refusal: Sendable, Codable {
        /// The step that refused it.
        public var stage: Stage
        /// The reason in snake_case.
        public var code: String
        /// The reason in words, without personal data.
        public var message: String
        /// The gate's decision, where the object got that far.
        public var gate: GateDecision?
    }

    /// A picture to score, or a reason not to.
    public enum Result: Sendable {
        case ready(Ready)
        case refused(Refusal)
    }

    /// What the object says of itself; nil where it is not DICOM, or its header could not be read.
    public var identity: DICOMIdentity?
    /// What came of it.
    public var result: Result
    /// Milliseconds spent decoding and rendering.
    public var decodeMilliseconds = 0.0, renderMilliseconds = 0.0

    /// An object that was refused before anything was read from it.
    init(refused refusal: Refusal) {
        result = .refused(refusal)
    }

    /// An object that was let through.
    init(ready: Ready) {
        result = .ready(ready)
    }

    /// Decodes, renders and judges the bytes of one file, as `profile` says. Blocks; touches nothing but its arguments.
    ///
    /// - Throws: `DICOMError` of the code `libraryUnusable`: what is not the object's fault.
    public init(_ bytes: [UInt8], profile: PreprocessingProfile) throws {
        var clock = Stopwatch()
        var stage = Stage.decode
        result = .refused(Refusal(stage: .decode, code: "", message: ""))
        do {
            let radiograph: Radiograph
            var facts: GateFacts?
            var deviations: [String] = []
            if ImageFileKind.sniff(bytes) != nil {
                // libpng and libjpeg decode while the picture is rendered: there is no telling the two apart.
                radiograph = try Radiograph(imageFile: bytes)
            } else {
                let dicom = try DICOMObject(bytes: bytes)
                identity = DICOMIdentity(dicom)
                // What the header alone rules out is refused before its pixels are decoded.
                let headerFacts = GateFacts(dicom.dataset)
                let early = profile.gate.decide(facts: headerFacts, radiograph: nil)
                guard early.isAccepted else {
                    result = .refused(Refusal(early))
                    return
                }
                facts = headerFacts
                deviations = dicom.deviations
                let pixels = try dicom.storedPixels()
                decodeMilliseconds = clock.lap()
                stage = .render
                radiograph = try Radiograph(pixels, of: dicom.dataset, profile: profile)
            }
            renderMilliseconds = clock.lap()
            let gate = profile.gate.decide(facts: facts, radiograph: radiograph)
            result =
                gate.isAccepted
                ? .ready(.init(radiograph: radiograph, gate: gate, flags: gate.flags + deviations))
                : .refused(Refusal(gate))
        } catch let error as DICOMError where error.code != .libraryUnusable {
            result = .refused(.init(stage: stage, code: error.code.rawValue, message: error.message))
        } catch let error as ImagingError {
            result = .refused(.init(stage: stage, code: error.code.rawValue, message: error.message))
        }
    }
}

extension Preparation.Refusal {
    /// The gate's refusal.
    fileprivate init(_ gate: GateDecision) {
        stage = .gate
        code = gate.refusal?.code ?? ""
        message = gate.refusal?.message ?? ""
        self.gate = gate
    }
}
