internal import Crypto
public import Foundation

/// Makes a model package in int8 of one in float32: another model, with a version, a digest and golden vectors of its own.
public enum QuantisedPackager {
    /// What the pictures were that a model was quantised by.
    public struct Calibration: Encodable, Sendable {
        /// Radiographs, and views of them.
        public let pictures, views: Int
        /// From where on the bytes of a feature map clip.
        public let clipping: Quantiser.Clipping

        /// So many pictures and views.
        public init(pictures: Int, views: Int, clipping: Quantiser.Clipping) {
            (self.pictures, self.views, self.clipping) = (pictures, views, clipping)
        }

        private enum Key: String, CodingKey { case pictures, views, clipping, percentile }

        /// As model.json has it: `clipping` is `least-error` or `percentile`, the latter with its `percentile`.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(pictures, forKey: .pictures)
            try container.encode(views, forKey: .views)
            switch clipping {
            case .leastError: try container.encode("least-error", forKey: .clipping)
            case .percentile(let percent):
                try container.encode("percentile", forKey: .clipping)
                try container.encode(percent, forKey: .percentile)
            }
        }
    }

    /// Writes the package of `weights`, which a `Quantiser` made of `source`'s, into `folder`, which must not exist.
    ///
    /// The description is the source's with another name or version, `arithmetic`, a note in the card that its figures
    /// are the float32 model's, and `quantisation`: the source's digest and the calibration. Golden vectors are computed
    /// by this engine.
    /// - Parameter changes: `version`, and `name` where it is to be another.
    /// - Throws: `InferenceError`.
    public static func package(
        _ weights: SafetensorsFile, of source: ModelPackage, _ calibration: Calibration, changes: [String: String],
        into folder: URL, options: ExecutionOptions
    ) throws {
        let reference = "\(source.description.name)@\(source.description.version)"
        guard var fields = try JSONSerialization.jsonObject(with: source.descriptionBytes) as? [String: Any],
            var card = fields["card"] as? [String: Any], let evaluation = card["evaluation"] as? String
        else { throw InferenceError(.invalidDescription, "model.json of \(reference) is no JSON object") }
        fields.merge(changes) { _, new in new }
        guard "\(fields["name"] ?? "")@\(fields["version"] ?? "")" != reference else {
            throw InferenceError(
                .invalidInput, "the quantised model is another than \(reference): give it another version")
        }
        fields["arithmetic"] = Arithmetic.int8.rawValue
        card["evaluation"] = "\(evaluation) (Figures of \(reference) in float32, of which this is the int8 form.)"
        fields["card"] = card
        var quantisation = try object(calibration)
        quantisation["source"] = source.digest
        fields["quantisation"] = quantisation
        let manager = FileManager.default
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
            let file = folder.appendingPathComponent(ModelPackage.weightsFile)
            try weights.write(to: file)
            // From what lies on the disk.
            let opened = try SafetensorsFile(url: file)
            let graph = try source.description.graph()
            let network = try Network(graph: graph, weights: opened, arithmetic: .int8, options: options)
            let golden = try ModelPackager.golden(network, input: source.description.input)
            fields["golden"] = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(golden))
            fields["weightsSHA256"] = opened.withUnsafeBytes { hexadecimal(SHA256.hash(data: $0)) }
            try JSONSerialization.data(
                withJSONObject: fields, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            ).write(to: folder.appendingPathComponent(ModelPackage.descriptionFile))
            // A name or version that no package may have, for instance.
            _ = try ModelPackage.open(folder)
        } catch {
            try? manager.removeItem(at: folder)
            throw error
        }
    }

    private static func object(_ value: some Encodable) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value)) as? [String: Any] ?? [:]
    }
}
