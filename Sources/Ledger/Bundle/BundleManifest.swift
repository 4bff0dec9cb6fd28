/// What a bundle says it holds: `manifest.json`, canonical JSON.
///
/// It is not signed. What it lists is held against it and against the log; its own SHA-256 is in the ledger's `export`
/// entry.
public struct BundleManifest: Sendable, Equatable, Codable {
    /// Which entries were selected, for projections and proofs.
    public struct Selection: Sendable, Equatable, Codable {
        /// What was asked for.
        public var criteria: [Criterion]
        /// The indices, as ranges `[first, behind the last]` in ascending order.
        public var ranges: [[Int]]
        /// The number of selected entries.
        public var entryCount: Int
    }

    /// How many commitments the bundle opens.
    public enum Openings: String, Sendable, Codable {
        /// None: the exporter may not see them, or the reader need not.
        case none
        /// Some.
        case selected
        /// All that are not erased.
        case all
    }

    /// The version of this form.
    public var version: Int
    /// The log's name.
    public var origin: String
    /// The number of entries.
    public var treeSize: Int
    /// The tree's root, in base 64.
    public var root: String
    /// What was selected.
    public var selection: Selection
    /// The projections that are there.
    public var formats: [String]
    /// Which openings are there.
    public var openings: Openings
    /// Every other file, by path.
    public var files: [File]

    /// A file, as the manifest has it.
    public struct File: Sendable, Equatable, Codable {
        /// Relative to the bundle's folder.
        public var path: String
        /// The number of bytes.
        public var bytes: Int
        /// SHA-256 of the bytes.
        public var sha256: MerkleHash
    }

    /// The form that this build writes and reads.
    public static let version = 1
    /// The manifest's own file.
    public static let fileName = "manifest.json"
    /// The most bytes of a manifest that are read: some million files.
    static let maximumBytes = 1 << 28

    /// The manifest as it is stored.
    public func canonicalBytes() throws -> [UInt8] {
        try CanonicalJSON.encode(JSONValueEncoder.encode(self))
    }

    /// A manifest as it is stored.
    /// - Throws: ``LedgerError`` (`malformedJSON`, `malformedBundle`).
    public init(canonicalBytes bytes: [UInt8]) throws {
        self = try JSONValueDecoder.decode(JSONParser.parse(bytes, maximumBytes: Self.maximumBytes), at: "manifest")
        guard version == Self.version else {
            throw LedgerError(
                .malformedBundle, "the manifest's version is \(version); this build reads \(Self.version)")
        }
        guard try canonicalBytes() == bytes else {
            throw LedgerError(.malformedBundle, "the manifest is not in its canonical form")
        }
        var last = ""
        for file in files {
            let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !file.path.utf8.contains(0),
                file.bytes >= 0
            else { throw LedgerError(.malformedBundle, "the manifest lists a path that is not below the bundle") }
            guard last.utf8.lexicographicallyPrecedes(file.path.utf8) else {
                throw LedgerError(.malformedBundle, "the manifest's files are not in the order of their paths")
            }
            last = file.path
        }
        var end = 0
        for range in selection.ranges {
            guard range.count == 2, range[0] >= end, range[1] > range[0], range[1] <= treeSize else {
                throw LedgerError(.malformedBundle, "the manifest's selection is not of ascending ranges of the log")
            }
            end = range[1]
        }
        guard formats.allSatisfy({ ProjectionFormat(rawValue: $0) != nil }) else {
            throw LedgerError(.malformedBundle, "the manifest names a projection that this build does not know")
        }
    }

    /// A manifest of these parts.
    init(
        origin: String, treeSize: Int, root: String, selection: Selection, formats: [String], openings: Openings,
        files: [File]
    ) {
        version = Self.version
        self.origin = origin
        self.treeSize = treeSize
        self.root = root
        self.selection = selection
        self.formats = formats
        self.openings = openings
        self.files = files
    }
}
