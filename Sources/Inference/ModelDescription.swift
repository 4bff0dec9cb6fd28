/// What `model.json` says of a model. Fields it doesn't know are left to others: the preprocessing profile, for
/// instance, is decoded by the module that prepares pictures, from the same bytes.
public struct ModelDescription: Codable, Sendable, Equatable {
    /// The only format so far.
    public static let format = "longview-model/1"

    /// The format that the file declares; anything but `ModelDescription.format` is refused.
    public let format: String
    /// The part of `name@version` before the @: 1 to 100 letters, digits, hyphens, points or underscores.
    public let name: String
    /// The part of `name@version` after the @, of the same characters as the name.
    public let version: String
    /// What computes the logits: the name of an architecture or a graph.
    public let network: NetworkReference
    /// One image's shape as the network takes it.
    public let input: FeatureShape
    /// What the network is computed in; nil: `float32`.
    public let arithmetic: Arithmetic?
    /// How a risk is read from the logits.
    public let output: Output
    /// Ranges of risk and their names, lowest first.
    public let categories: RiskCategories
    /// The outcome that the risk is the probability of, and its horizon.
    public let endpoint: Endpoint
    /// What users are told about the model.
    public let card: ModelCard
    /// SHA-256 of `weights.safetensors`, lower-case hex; nil in a description that ships without weights.
    public let weightsSHA256: String?
    /// Inputs with the logits they must give; empty only where the package ships without weights.
    public let golden: [GoldenVector]

    /// What the network's result means.
    public struct Output: Codable, Sendable, Equatable {
        /// `softmax`: the result are logits, whose softmax are probabilities.
        public enum Kind: String, Codable, Sendable { case softmax }

        /// How logits become probabilities.
        public let kind: Kind
        /// The class whose probability is the risk.
        public let riskClass: Int
    }

    /// What the risk is of.
    public struct Endpoint: Codable, Sendable, Equatable {
        /// For instance “death from any cause”.
        public let outcome: String
        /// Within which time, for instance “12 years”; nil where the outcome has none.
        public let horizon: String?
    }

    /// The network itself: a built-in architecture or an explicit graph.
    public enum NetworkReference: Codable, Sendable, Equatable {
        /// `InceptionV4.cxrRisk(width:hidden:classes:)`; in JSON `"architecture": "cxr-risk"`.
        case cxrRisk(width: Double, hidden: Int, classes: Int)
        /// `InceptionV4.classifier(width:classes:)`; in JSON `"architecture": "inception-v4"`, and width 1 may be absent.
        case inceptionV4(width: Double, classes: Int)
        /// `Xception.classifier(width:classes:)`; in JSON `"architecture": "xception"`, and width 1 may be absent.
        case xception(width: Double, classes: Int)
        case graph(NetworkGraph)

        private enum Key: String, CodingKey { case architecture, width, hidden, classes, graph }

        /// Reads an explicit graph where there is one, else an architecture by name.
        /// - Throws: `InferenceError` (`unknownArchitecture`), or what the decoder throws.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            if let graph = try container.decodeIfPresent(NetworkGraph.self, forKey: .graph) {
                self = .graph(graph)
                return
            }
            let name = try container.decode(String.self, forKey: .architecture)
            guard let architecture = Architecture(rawValue: name) else {
                throw InferenceError(
                    .unknownArchitecture,
                    "the architecture “\(name)” is unknown to this version of Longview, which knows "
                        + Architecture.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let classes = try container.decode(Int.self, forKey: .classes)
            func width() throws -> Double { try container.decodeIfPresent(Double.self, forKey: .width) ?? 1 }
            switch architecture {
            case .cxrRisk:
                self = .cxrRisk(
                    width: try container.decode(Double.self, forKey: .width),
                    hidden: try container.decode(Int.self, forKey: .hidden), classes: classes)
            case .inceptionV4: self = .inceptionV4(width: try width(), classes: classes)
            case .xception: self = .xception(width: try width(), classes: classes)
            }
        }

        /// Writes the fields that `init(from:)` reads, side by side in one object.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            func encode(_ architecture: Architecture, _ width: Double, _ classes: Int) throws {
                try container.encode(architecture.rawValue, forKey: .architecture)
                try container.encode(width, forKey: .width)
                try container.encode(classes, forKey: .classes)
            }
            switch self {
            case .graph(let graph): try container.encode(graph, forKey: .graph)
            case .cxrRisk(let width, let hidden, let classes):
                try encode(.cxrRisk, width, classes)
                try container.encode(hidden, forKey: .hidden)
            case .inceptionV4(let width, let classes): try encode(.inceptionV4, width, classes)
            case .xception(let width, let classes): try encode(.xception, width, classes)
            }
        }
    }

    /// The network's graph, its shapes checked.
    /// - Throws: `InferenceError` (`invalidGraph`, `invalidDescription`).
    public func graph() throws(InferenceError) -> NetworkGraph {
        let graph: NetworkGraph
        switch network {
        case .graph(let explicit):
            guard explicit.input == input else {
                throw InferenceError(.invalidDescription, "\(name): input and the graph's input differ")
            }
            graph = explicit
        case .cxrRisk(let width, let hidden, let classes):
            graph = InceptionV4.cxrRisk(width: try checked(width), hidden: hidden, classes: classes, input: input)
        case .inceptionV4(let width, let classes):
            graph = try InceptionV4.classifier(width: try checked(width), classes: classes, input: input)
        case .xception(let width, let classes):
            graph = try Xception.classifier(width: try checked(width), classes: classes, input: input)
        }
        guard case .vector(let classes) = try graph.shapes()[graph.output], classes >= 2 else {
            throw InferenceError(
                .invalidDescription, "\(name): its network doesn't end in a vector of two or more logits")
        }
        guard 0..<classes ~= output.riskClass else {
            throw InferenceError(.invalidDescription, "\(name): its network has no class \(output.riskClass)")
        }
        return graph
    }

    private func checked(_ width: Double) throws(InferenceError) -> Double {
        guard width > 0, width <= 8 else {
            throw InferenceError(.invalidDescription, "\(name): a width of \(width) is out of range")
        }
        return width
    }

    /// The risk that one image's logits mean, in double precision.
    public func risk(logits: some Collection<Float>) -> Double {
        Softmax.probabilities(logits)[output.riskClass]
    }

    /// Checks what the types alone don't.
    func validate() throws(InferenceError) {
        func require(_ condition: Bool, _ reason: String) throws(InferenceError) {
            guard condition else { throw InferenceError(.invalidDescription, "model.json: \(reason)") }
        }
        try require(format == Self.format, "its format is “\(format)”; this version of Longview reads \(Self.format)")
        // They become part of file names and of what users type as name@version.
        for (key, text) in [("name", name), ("version", version)] {
            let allowed = text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains($0)
            }
            try require(
                allowed && 1...100 ~= text.utf8.count && text.utf8.first != UInt8(ascii: "."),
                "its \(key) must be 1 to 100 letters, digits, hyphens, points or underscores")
        }
        if let weightsSHA256 {
            try require(
                weightsSHA256.utf8.count == 64
                    && weightsSHA256.allSatisfy { $0.isHexDigit && !$0.isUppercase && $0.isASCII },
                "weightsSHA256 must be 64 lower-case hexadecimal digits")
        }
        _ = try graph()
        for vector in golden { try vector.validate(for: input) }
    }
}

/// What a model is for and not for, where it comes from, how well it does: for its users.
public struct ModelCard: Codable, Sendable, Equatable {
    /// The question that the model is meant to answer, and for whom.
    public let intendedUse: String
    /// Uses that its makers or its evidence rule out.
    public let notFor: String
    /// Which pictures it learnt from.
    public let trainingData: String
    /// On which pictures it was tested, and with what result.
    public let evaluation: String
    /// Where its results are weak or unknown.
    public let limits: String
    /// Who made it.
    public let attribution: String
    /// Terms of use of model and weights.
    public let licence: String
    /// Publications and addresses, one citation each.
    public let references: [String]
    /// Where the weights are to come from, where the package ships without.
    public let obtain: String?
}
