/// What went wrong in reading, checking or running a model.
///
/// The description names the file, tensor or node and what to do; it never holds values of a picture.
public struct InferenceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure, stable across releases.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The stable name, in kebab case.
        public let rawValue: String
        /// The code of a name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A file is missing or can't be read.
        public static let unreadable = Code(rawValue: "unreadable")
        /// A safetensors file breaks its format.
        public static let malformedWeights = Code(rawValue: "malformed-weights")
        /// Weights and network don't fit: missing, surplus or misshapen tensors.
        public static let mismatchedWeights = Code(rawValue: "mismatched-weights")
        /// A weight is infinite or not a number, or becomes so when batch norms are folded.
        public static let nonFiniteWeights = Code(rawValue: "non-finite-weights")
        /// A network graph is inconsistent.
        public static let invalidGraph = Code(rawValue: "invalid-graph")
        /// The network's architecture isn't known to this build.
        public static let unknownArchitecture = Code(rawValue: "unknown-architecture")
        /// `model.json` is malformed or contradicts itself.
        public static let invalidDescription = Code(rawValue: "invalid-description")
        /// The package holds no weights.
        public static let missingWeights = Code(rawValue: "missing-weights")
        /// The weights aren't those that the package was made with.
        public static let alteredWeights = Code(rawValue: "altered-weights")
        /// A golden vector came out differently.
        public static let goldenMismatch = Code(rawValue: "golden-mismatch")
        /// The CPU lacks the requested instruction set, or the setting isn't one.
        public static let unavailableKernels = Code(rawValue: "unavailable-kernels")
        /// An option or input has the wrong size or value.
        public static let invalidInput = Code(rawValue: "invalid-input")
        /// Activations overflowed.
        public static let nonFiniteOutput = Code(rawValue: "non-finite-output")
        /// Memory or threads could not be had.
        public static let resources = Code(rawValue: "resources")
    }

    /// What a program acts upon.
    public let code: Code
    /// What happened, on which file, tensor or node, and what to do.
    public let message: String
    /// The error below this one, where there is one.
    public let underlying: (any Error)?

    /// An error of a kind, with its message and the error that led to it.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message alone, without the underlying error.
    public var description: String { message }

    /// Equal code and message; the underlying error doesn't take part.
    public static func == (a: Self, b: Self) -> Bool { a.code == b.code && a.message == b.message }
}
