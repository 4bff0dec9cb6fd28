/// What a verifier found.
public struct VerificationReport: Sendable, Equatable {
    /// Something that is not as it should be.
    public struct Problem: Sendable, Equatable {
        /// What kind of thing, stable for programs; new codes may be added.
        public struct Code: RawRepresentable, Hashable, Sendable {
            /// The code as it is written to reports.
            public let rawValue: String
            /// The code written as `rawValue`.
            public init(rawValue: String) { self.rawValue = rawValue }

            /// A checkpoint can't be read, is of another log, or has not the signatures it needs.
            public static let checkpointRefused = Code(rawValue: "checkpoint_refused")
            /// No checkpoint could be believed, so nothing else was checked.
            public static let noCheckpoint = Code(rawValue: "no_checkpoint")
            /// Two checkpoints of one size have different roots: the log has told two stories.
            public static let fork = Code(rawValue: "fork")
            /// The log's entries have another root than a checkpoint of that size.
            public static let rootMismatch = Code(rawValue: "root_mismatch")
            /// The log's entries have another root than a checkpoint that was kept outside: history was rewritten.
            public static let historyRewritten = Code(rawValue: "history_rewritten")
            /// A checkpoint that was kept outside has more entries than the log: entries were cut off.
            public static let rolledBack = Code(rawValue: "rolled_back")
            /// An entry is not the one that was recorded.
            public static let entryChanged = Code(rawValue: "entry_changed")
            /// An entry stands in another one's place.
            public static let entryMoved = Code(rawValue: "entry_moved")
            /// A bundle has fewer entries than it should.
            public static let entryMissing = Code(rawValue: "entry_missing")
            /// A bundle has more entries than it should.
            public static let entryInserted = Code(rawValue: "entry_inserted")
            /// An entry's bytes are not a canonical JSON object.
            public static let entryNotCanonical = Code(rawValue: "entry_not_canonical")
            /// An entry bundle is not there.
            public static let bundleMissing = Code(rawValue: "bundle_missing")
            /// An entry bundle can't be read.
            public static let bundleMalformed = Code(rawValue: "bundle_malformed")
            /// A tile is not there.
            public static let tileMissing = Code(rawValue: "tile_missing")
            /// A tile has the wrong length.
            public static let tileMalformed = Code(rawValue: "tile_malformed")
            /// A tile holds a hash that its entries, or the tile below, don't have.
            public static let tileChanged = Code(rawValue: "tile_changed")
            /// A row of the database does not say what its entry says.
            public static let rowChanged = Code(rawValue: "row_changed")
            /// A row of the database is gone, though its entry was recorded and nobody was erased.
            public static let rowMissing = Code(rawValue: "row_missing")
            /// A row of the database has no entry.
            public static let rowUnrecorded = Code(rawValue: "row_unrecorded")
        }

        /// What kind of thing.
        public let code: Code
        /// The entry it is about, or the first of them; for a checkpoint its size; nil where neither is known.
        public let index: Int?
        /// What is wrong, and with what, in words.
        public let message: String

        /// A problem of these values.
        public init(_ code: Code, at index: Int?, _ message: String) {
            self.code = code
            self.index = index
            self.message = message
        }
    }

    /// The size of the newest checkpoint that could be believed.
    public internal(set) var treeSize = 0
    /// Its root.
    public internal(set) var root = MerkleTree.emptyRoot
    /// The number of entries that were hashed.
    public internal(set) var entries = 0
    /// The number of checkpoints that could be believed.
    public internal(set) var checkpoints = 0
    /// The first problems, in the order of the log.
    public internal(set) var problems: [Problem] = []
    /// The number of all problems.
    public internal(set) var problemCount = 0

    /// The most problems that are described.
    public static let maximumProblems = 1000

    /// Whether all is as it should be.
    public var isOK: Bool { problemCount == 0 }

    /// Adds a problem that was found beside the log itself.
    public mutating func add(_ problem: Problem) {
        problemCount += 1
        if problems.count < Self.maximumProblems { problems.append(problem) }
    }
}

/// The members of `audit verify --json`.
extension VerificationReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case ok, root, checkpoints, entries, problems
        case treeSize = "tree_size"
        case problemCount = "problem_count"
    }

    /// Writes `ok`, `tree_size`, `root` (base 64), `checkpoints`, `entries`, `problems`, `problem_count`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(isOK, forKey: .ok)
        try container.encode(treeSize, forKey: .treeSize)
        try container.encode(root.base64, forKey: .root)
        try container.encode(checkpoints, forKey: .checkpoints)
        try container.encode(entries, forKey: .entries)
        try container.encode(problems, forKey: .problems)
        try container.encode(problemCount, forKey: .problemCount)
    }
}

extension VerificationReport.Problem: Encodable {
    private enum CodingKeys: CodingKey {
        case code, index, message
    }

    /// Writes `code`, `index` (absent where unknown), `message`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(code.rawValue, forKey: .code)
        try container.encodeIfPresent(index, forKey: .index)
        try container.encode(message, forKey: .message)
    }
}
