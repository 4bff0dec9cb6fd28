import Glibc

/// Writes a bundle: what an auditor needs to verify the log offline, in a folder.
///
/// Hand in, in this order: the checkpoints of the past, openings by ascending commitment, every entry of the log; then
/// `finish`. Constant memory but for some 40 bytes for each opening and selected entry; tiles are computed from the
/// entries, so a bundle is whole or is not written. The folder gets its name at the end, when all is on disk.
public struct BundleWriter {
    private let folder: String
    private let partial: String
    private let checkpoint: VerifiedCheckpoint
    private let criteria: [Criterion]
    private let formats: [ProjectionFormat]
    private let openings: BundleManifest.Openings
    private let withProofs: Bool
    private let policy: CheckpointPolicy

    private var files: [BundleFile] = []
    private var historySizes: [Int: Int] = [:]
    private var openingFile: BundleFileWriter?
    private var lastOpening: MerkleHash?
    private var projections: [Projection] = []
    private var hasEntries = false
    private var keys: KeyHistory
    private var builder = TileBuilder()
    private var bundle: [UInt8] = []
    private var ranges: [[Int]] = []

    private struct Projection {
        var files: [BundleFileWriter]
        var writer: ProjectionWriter
    }

    /// A bundle that will be `folder`, of the log up to `checkpoint`.
    /// - Parameters:
    ///   - policy: what the checkpoint must meet, and what the bundle tells third parties to ask for.
    ///   - initialKeys: the keys that were there before any entry; rotations follow from the entries.
    ///   - criteria: what was asked for, for the manifest; `append` is told which entries that selects.
    ///   - withProofs: whether each selected entry gets a proof file of its own.
    ///   - openings: which openings will be handed in.
    /// - Throws: ``LedgerError``: what the policy finds wrong with the checkpoint; `fileSystem`, also where the folder,
    ///   or one left by an export that was interrupted, is there.
    public init(
        folder: String, checkpoint: SignedNote, policy: CheckpointPolicy, initialKeys: [NoteVerifier],
        criteria: [Criterion] = [], formats: [ProjectionFormat] = [], withProofs: Bool = false,
        openings: BundleManifest.Openings = .none
    ) throws {
        var folder = folder
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        self.folder = folder
        partial = folder + ".partial"
        self.checkpoint = try policy.open(checkpoint)
        self.policy = policy
        self.criteria = criteria
        self.formats = formats
        self.withProofs = withProofs
        self.openings = openings
        keys = KeyHistory(initial: initialKeys)
        var status = stat()
        guard lstat(folder, &status) != 0 else {
            throw LedgerError(.fileSystem, "\(folder) exists; an export replaces nothing, so name another folder")
        }
        guard mkdir(partial, 0o700) == 0 else {
            throw errno == EEXIST
                ? LedgerError(
                    .fileSystem,
                    "\(partial) exists: another export is writing it, or one was interrupted; delete it in that case")
                : BundleFileError.last("created", partial)
        }
        try write("checkpoint", checkpoint.bytes)
        try write("policy", Array(policy.text.utf8))
        if openings != .none { openingFile = try BundleFileWriter(folder: partial, path: OpeningFile.path) }
    }

    private mutating func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = try BundleFileWriter(folder: partial, path: path)
        try file.write(bytes)
        files.append(try file.finish())
    }

    /// Adds a checkpoint of the past, as it was published.
    /// - Throws: ``LedgerError`` (`fileSystem`, `malformedCheckpoint`).
    public mutating func add(checkpoint note: SignedNote) throws {
        let size = try Checkpoint(text: note.text).size
        // Two of one size are kept beside each other: where they differ, the verifier must see it.
        let number = historySizes[size, default: 0] + 1
        historySizes[size] = number
        try write("checkpoints/\(size)" + (number > 1 ? ".\(number)" : ""), note.bytes)
    }

    /// Adds an opening; openings come before entries, in ascending order of their commitments' bytes, each once.
    /// - Throws: ``LedgerError`` (`malformedBundle` for another order, `fileSystem`).
    public mutating func add(opening: CommitmentOpening) throws {
        let commitment = opening.commitment.hash
        guard let openingFile, !hasEntries, lastOpening.map({ OpeningFile.precedes($0, commitment) }) ?? true else {
            throw LedgerError(
                .malformedBundle, "openings come before entries, in ascending order of commitments, where announced")
        }
        lastOpening = commitment
        try openingFile.write(OpeningFile.line(of: opening))
    }

    private mutating func beginEntries() throws {
        hasEntries = true
        var lookUp: (Commitment) throws -> CommitmentOpening? = { _ in nil }
        if let openingFile {
            files.append(try openingFile.finish())
            // From the file, as the verifier does: what a projection shows, the bundle opens.
            guard let opened = try OpeningFile(folder: partial) else {
                throw LedgerError(.fileSystem, "\(partial)/\(OpeningFile.path) has vanished")
            }
            lookUp = { try opened.opening(of: $0) }
        }
        let projection = EntryProjection(origin: checkpoint.checkpoint.origin, opening: lookUp)
        projections = try formats.map { format in
            let files = try format.fileNames.map {
                try BundleFileWriter(folder: partial, path: "projections/\($0)")
            }
            return Projection(
                files: files,
                writer: try ProjectionWriter(format, projection: projection) { try files[$0].write($1) })
        }
    }

    /// Adds the next entry of the log.
    /// - Parameter isSelected: whether projections and proofs are asked for.
    /// - Throws: ``LedgerError`` (`fileSystem`, `outsideTree` for more entries than the checkpoint has; what projections
    ///   find wrong with the entry).
    public mutating func append(_ entry: [UInt8], isSelected: Bool) throws {
        if !hasEntries { try beginEntries() }
        let index = builder.size
        guard index < checkpoint.checkpoint.size else {
            throw LedgerError(.outsideTree, "the checkpoint has \(index) entries; more were handed in")
        }
        try EntryBundle.append(entry, to: &bundle)
        var completed: [(TileAddress, Tile)] = []
        builder.append(MerkleTree.leafHash(entry)) { completed.append(($0, $1)) }
        for (address, tile) in completed { try write(address.path, tile.bytes) }
        if builder.size.isMultiple(of: TileAddress.fullWidth) {
            try write(TileAddress(kind: .entries, index: index >> TileAddress.height).path, bundle)
            bundle.removeAll(keepingCapacity: true)
        }
        if let rotation = try KeyRotationEntry(ifEntry: entry) { keys.apply(rotation, at: index) }
        guard isSelected else { return }
        if let last = ranges.last, last[1] == index {
            ranges[ranges.count - 1][1] += 1
        } else {
            ranges.append([index, index + 1])
        }
        for projection in projections { try projection.writer.write(entry, index: index) }
    }

    /// Writes the rest, waits until all is on disk, and gives the folder its name.
    /// - Returns: the SHA-256 of the manifest, for the ledger's `export` entry.
    /// - Throws: ``LedgerError`` (`rootMismatch` where the entries are not the checkpoint's, `fileSystem`).
    public mutating func finish() throws -> MerkleHash {
        if !hasEntries { try beginEntries() }
        let stated = checkpoint.checkpoint
        guard builder.size == stated.size, builder.root == stated.root else {
            throw LedgerError(
                .rootMismatch,
                "the \(builder.size) entries are not those of the checkpoint of size \(stated.size); verify the log")
        }
        if let address = TileAddress.addedEntries(from: 0, to: builder.size).last, address.isPartial {
            try write(address.path, bundle)
        }
        for (address, tile) in builder.partialTiles { try write(address.path, tile.bytes) }
        try write("keys.json", keys.canonicalBytes())
        for projection in projections {
            try projection.writer.finish()
            for file in projection.files { files.append(try file.finish()) }
        }
        if withProofs { try writeProofs() }
        files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let manifest = BundleManifest(
            origin: stated.origin, treeSize: stated.size, root: stated.root.base64,
            selection: .init(
                criteria: criteria, ranges: ranges, entryCount: ranges.reduce(0) { $0 + $1[1] - $1[0] }),
            formats: formats.map(\.rawValue), openings: openings,
            files: files.map { .init(path: $0.path, bytes: $0.byteCount, sha256: $0.sha256) })
        try write(BundleManifest.fileName, manifest.canonicalBytes())
        let digest = files.last!.sha256
        var folders: Set<Substring> = []
        for file in files {
            var path = file.path[...]
            while let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
                path = path[..<slash]
                folders.insert(path)
            }
        }
        for path in folders { try Self.sync("\(partial)/\(path)") }
        try Self.sync(partial)
        guard rename(partial, folder) == 0 else { throw BundleFileError.last("renamed to \(folder)", partial) }
        let parent = folder.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(folder[..<$0]) + "/" } ?? "."
        try Self.sync(parent)
        return digest
    }

    /// The proofs come from the tiles just written, so that what is proved is what is in the bundle.
    private mutating func writeProofs() throws {
        let partial = partial
        let reader = BundleReader(folder: partial)
        var recent: [TileAddress: [UInt8]] = [:]
        for index in ranges.lazy.flatMap({ $0[0]..<$0[1] }) {
            // A tile of each level on the way up: the next entry needs nearly the same ones.
            if recent.count > 64 { recent.removeAll(keepingCapacity: true) }
            let source = TileNodeSource(size: builder.size) { address in
                if let known = recent[address] { return known }
                guard let bytes = try reader.read(address) else {
                    throw LedgerError(.fileSystem, "\(partial)/\(address.path) has vanished")
                }
                recent[address] = bytes
                return bytes
            }
            let proof = try InclusionProof(index: index, treeSize: builder.size, from: source)
            let file = TlogProof(index: index, hashes: proof.hashes, checkpoint: checkpoint.note)
            try write("proofs/\(index).tlog-proof", file.bytes)
        }
    }

    /// Removes what was written: for whoever gives up before `finish`.
    public func abandon() {
        BundleReader.remove(folder: partial)
    }

    /// Waits until the names of files in a folder are on disk.
    private static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw BundleFileError.last("opened", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw BundleFileError.last("written to disk", path) }
    }
}

extension KeyRotationEntry {
    /// The body of an entry, where it is of this type: told by its last bytes, as canonical JSON puts them.
    init?(ifEntry bytes: [UInt8]) throws {
        guard bytes.suffix(EntryMark.keyRotation.count).elementsEqual(EntryMark.keyRotation) else { return nil }
        guard case .keyRotation(let body) = try Entry(canonicalBytes: bytes).body else { return nil }
        self = body
    }
}

/// How entries of a type end: `type` and `version` come last in the order of RFC 8785.
enum EntryMark {
    static let keyRotation = Array(",\"type\":\"key_rotation\",\"version\":1}".utf8)
    static let erasure = Array(",\"type\":\"erasure\",\"version\":1}".utf8)
}
