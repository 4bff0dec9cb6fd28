internal import Crypto
public import Foundation

/// A folder with `model.json` and `weights.safetensors`, opened and checked.
public struct ModelPackage: Sendable {
    /// The description's file name.
    public static let descriptionFile = "model.json"
    /// The weights' file name.
    public static let weightsFile = "weights.safetensors"
    /// Larger descriptions are refused unread.
    private static let descriptionLimit = 16 << 20

    /// Where `model.json` and the weights lie.
    public let folder: URL
    /// `model.json`, decoded and checked.
    public let description: ModelDescription
    /// `model.json` as it is on disk, for those who read more of it (the preprocessing profile).
    public let descriptionBytes: Data
    /// The mapped weights, whose digest is that of the description.
    public let weights: SafetensorsFile
    /// The model's identity: SHA-256, in lower-case hex, of what `sha256sum model.json weights.safetensors` prints. So
    /// `sha256sum model.json weights.safetensors | sha256sum` recomputes it.
    public let digest: String

    /// The description of the package in `folder`, which needs no weights.
    /// - Throws: `InferenceError` (`unreadable`, `invalidDescription`, `unknownArchitecture`, `invalidGraph`).
    public static func describe(_ folder: URL) throws(InferenceError) -> ModelDescription {
        try readDescription(folder).description
    }

    /// Opens the package in `folder` and checks its description, the weights' digest, and the weights' format. What
    /// the weights compute is checked by `verifyGolden`.
    /// - Throws: `InferenceError`, besides those of `describe`: `missingWeights`, `alteredWeights`, `malformedWeights`.
    public static func open(_ folder: URL) throws(InferenceError) -> ModelPackage {
        try ModelPackage(folder: folder)
    }

    /// Runs the network of the package in `folder` once, on (pictures, channels, rows, columns): what `open`,
    /// `makeNetwork` and `run` do, in less memory and time. The weights' digest is computed meanwhile by one of the
    /// threads, and there is no result before it is known to be right.
    /// - Parameter digest: the package's, where it is known from elsewhere.
    /// - Throws: what those throw; `InferenceError` (`invalidInput`) where the input's shape is not the model's, or
    ///   (`alteredWeights`) where the package has another digest.
    public static func runOnce(
        _ folder: URL, digest expectedDigest: String? = nil, on input: Tensor, options: ExecutionOptions
    ) throws -> Tensor {
        let (description, bytes) = try readDescription(folder)
        let shape = description.input
        guard input.shape.count == 4,
            input.shape.dropFirst().elementsEqual([shape.channels, shape.height, shape.width])
        else {
            throw InferenceError(
                .invalidInput,
                "the input is \(input.shape); \(description.name) takes pictures of "
                    + "\(shape.channels) × \(shape.height) × \(shape.width)")
        }
        let (weights, expected) = try openWeights(folder, description)
        let digest = Digest(of: weights)
        let result = Result {
            // Of all that is to be done the digest takes longest, and one thread only: it begins first.
            let pool = try ThreadPool(threads: options.threads)
            pool.runAside { digest.compute() }
            return try Network(
                try description.graph(), weights, description.arithmetic ?? .float32, options, keepingWeights: false,
                pool: pool
            ).run(input.values, batch: input.shape[0])
        }
        try check(digest.value(), expected, description)
        let identity = identity(bytes, weightsDigest: digest.value())
        guard expectedDigest == nil || expectedDigest == identity else {
            throw InferenceError(
                .alteredWeights,
                "the package \(description.name) has been altered: its digest is \(identity) and was "
                    + "\(expectedDigest ?? ""); take the package anew from where it came")
        }
        return try result.get()
    }

    private init(folder: URL) throws(InferenceError) {
        let (description, bytes) = try Self.readDescription(folder)
        // The digest is taken of the mapping that the weights are then read from.
        let (weights, expected) = try Self.openWeights(folder, description)
        let found = Digest.sha256(of: weights)
        try Self.check(found, expected, description)
        digest = Self.identity(bytes, weightsDigest: found)
        self.folder = folder
        self.description = description
        self.weights = weights
        descriptionBytes = bytes
    }

    private static func identity(_ description: Data, weightsDigest: String) -> String {
        let descriptionDigest = hexadecimal(SHA256.hash(data: description))
        let listing = "\(descriptionDigest)  \(descriptionFile)\n\(weightsDigest)  \(weightsFile)\n"
        return hexadecimal(SHA256.hash(data: Data(listing.utf8)))
    }

    private static func openWeights(
        _ folder: URL, _ description: ModelDescription
    ) throws(InferenceError) -> (SafetensorsFile, digest: String) {
        let url = folder.appendingPathComponent(weightsFile)
        guard FileManager.default.fileExists(atPath: url.path) else {
            let obtain = description.card.obtain.map { ": \($0)" } ?? ""
            throw InferenceError(.missingWeights, "the package \(description.name) has no \(weightsFile)\(obtain)")
        }
        guard let expected = description.weightsSHA256, !description.golden.isEmpty else {
            throw InferenceError(
                .invalidDescription,
                "the package \(description.name) has weights, but its model.json lacks "
                    + "\(description.weightsSHA256 == nil ? "weightsSHA256" : "golden vectors"): package the model anew"
            )
        }
        return (try SafetensorsFile(url: url), expected)
    }

    private static func check(
        _ found: String, _ expected: String, _ description: ModelDescription
    ) throws(InferenceError) {
        guard found == expected else {
            throw InferenceError(
                .alteredWeights,
                "\(weightsFile) of \(description.name) has been altered or damaged: its SHA-256 is \(found), "
                    + "the package was made with \(expected); take the package anew from where it came")
        }
    }

    /// Compiles the network.
    /// - Throws: `InferenceError`, see `Network.init`.
    public func makeNetwork(options: ExecutionOptions) throws -> Network {
        try Network(
            graph: try description.graph(), weights: weights, arithmetic: description.arithmetic ?? .float32,
            options: options)
    }

    /// Runs the golden vectors through `network` and compares the logits.
    /// - Throws: `InferenceError` (`goldenMismatch`) that says which and by how much.
    public func verifyGolden(_ network: Network) throws(InferenceError) {
        for (number, vector) in description.golden.enumerated() {
            let logits = try network.run(vector.input(description.input), batch: 1).values
            guard logits.count == vector.logits.count else {
                throw InferenceError(
                    .goldenMismatch,
                    "golden vector \(number + 1) of \(description.name) has \(vector.logits.count) logits, "
                        + "its network \(logits.count)")
            }
            let difference = zip(logits, vector.logits).map { abs(Double($0) - $1) }.max()!
            guard difference <= vector.tolerance else {
                throw InferenceError(
                    .goldenMismatch,
                    "\(description.name) computes golden vector \(number + 1) with a difference of \(difference), more "
                        + "than \(vector.tolerance): don't use it; its description and weights don't belong together")
            }
        }
    }

    private static func readDescription(
        _ folder: URL
    ) throws(InferenceError) -> (description: ModelDescription, bytes: Data) {
        let url = folder.appendingPathComponent(descriptionFile)
        let bytes: Data
        do {
            let size = try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            guard size <= descriptionLimit else {
                throw InferenceError(.invalidDescription, "\(descriptionFile) has \(size) bytes, too many for any")
            }
            bytes = try Data(contentsOf: url)
        } catch let error as InferenceError {
            throw error
        } catch {
            throw InferenceError(
                .unreadable,
                "\(descriptionFile) in “\(folder.lastPathComponent)” can't be read: is it a model package?",
                underlying: error)
        }
        let description: ModelDescription
        do {
            description = try JSONDecoder().decode(ModelDescription.self, from: bytes)
        } catch let error as InferenceError {
            throw error
        } catch {
            throw InferenceError(
                .invalidDescription, "\(descriptionFile) can't be used: \(explain(error))", underlying: error)
        }
        try description.validate()
        return (description, bytes)
    }

    private static func explain(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?:
            let place = path(context)
            return "“\(place.isEmpty ? "" : place + ".")\(key.stringValue)” is missing"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            return "“\(path(context))” has a value of the wrong kind"
        case .dataCorrupted(let context)? where !context.codingPath.isEmpty:
            return "“\(path(context))” has a value that isn't allowed"
        default: return "it is not valid JSON"
        }
    }
}

/// The SHA-256 of a weights file, computed by whichever thread comes first.
private final class Digest: @unchecked Sendable {
    private let weights: SafetensorsFile
    private let lock = NSLock()
    // Under `lock`.
    private var found: String?

    init(of weights: SafetensorsFile) { self.weights = weights }

    func compute() { _ = value() }

    /// Computes it, or waits for the thread that does.
    func value() -> String {
        lock.lock()
        defer { lock.unlock() }
        if let found { return found }
        let value = Self.sha256(of: weights)
        found = value
        return value
    }

    static func sha256(of weights: SafetensorsFile) -> String {
        var hash = SHA256()
        weights.forEachPiece { hash.update(bufferPointer: $0) }
        return hexadecimal(hash.finalize())
    }
}

func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef")
    return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
