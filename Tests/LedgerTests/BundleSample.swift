import Crypto
import Foundation

@testable import Ledger

/// A log with patients, a key rotation and an erasure, and the bundle of it.
struct BundleSample {
    private(set) var parent: URL
    private(set) var folder: URL
    let entries: [[UInt8]]
    let checkpoint: SignedNote
    private let history: [SignedNote]
    let selected: Set<Int>
    let newestSigner: NoteSigner
    var openings: [CommitmentOpening]

    static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// A log of `count` entries; `first` makes it another one. With `rotation`, the entry in the middle
    /// replaces the log's key; the last entry erases patient 1.
    init(count: Int, rotation: Bool, first: Int = 0, keepsErased: Bool = false) throws {
        parent = FileManager.default.temporaryDirectory.appendingPathComponent("longview-\(UUID().uuidString)")
        folder = parent.appendingPathComponent("bundle")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let turn = rotation ? count / 2 : count
        var made: [CommitmentOpening] = []
        func opening(_ domain: CommitmentDomain, _ number: Int) throws -> CommitmentOpening {
            let salt = Self.sha256(Array("\(domain.label) \(number)".utf8))
            let opening =
                domain == .patient
                ? try CommitmentOpening(patientID: "P\(number)", issuer: "GH", salt: salt)
                : try CommitmentOpening(domain: domain, salt: salt, value: Self.sha256([UInt8(number)]))
            made.append(opening)
            return opening
        }
        let patients = try (0..<5).map { try opening(.patient, $0) }
        let objects = try (0..<5).map { try opening(.objectDigest, $0) }
        let isErasing = count >= 40
        entries = try (0..<count).map { index in
            var entry = try EntrySamples.entry(.intake, isFull: false)
            entry.actor.id = "worker-\(index + first)"
            if index == turn {
                entry.body = .keyRotation(
                    KeyRotationEntry(
                        role: "log", introduced: TestKeys.otherLog.verifier.description,
                        retired: TestKeys.log.verifier.description, reason: "scheduled"))
            } else if isErasing, index == count - 1 {
                entry.body = .erasure(
                    ErasureEntry(
                        patient: patients[1].commitment, reason: "gdpr_article_17", openingCount: 2, objectCount: 1,
                        pictureCount: 0, inferenceCount: 0))
            } else {
                entry.body = .intake(
                    IntakeEntry(
                        object: objects[index % 5].commitment, byteCount: index, kind: "dicom", via: .folder,
                        isDuplicate: false, patient: patients[index % 5].commitment))
            }
            return try entry.canonicalBytes()
        }
        let used = Set(entries.indices.map { $0 % 5 })
        openings = made.enumerated().filter { position, opening in
            let number = position % 5
            guard used.contains(number) else { return false }
            return !isErasing || number != 1 || (keepsErased && opening.domain == .patient)
        }.map(\.element)
        newestSigner = rotation ? TestKeys.otherLog : TestKeys.log
        var builder = TileBuilder()
        var notes: [SignedNote] = []
        for (index, entry) in entries.enumerated() {
            builder.append(MerkleTree.leafHash(entry)) { _, _ in }
            guard index + 1 == 256 else { continue }
            let signer = index > turn ? TestKeys.otherLog : TestKeys.log
            notes.append(try MemoryLedger.checkpoint(size: 256, root: builder.root, signer: signer))
        }
        history = notes
        checkpoint = try MemoryLedger.checkpoint(size: count, root: builder.root, signer: newestSigner)
        selected = Set(entries.indices.filter { $0 % 100 < 7 })
    }

    /// The same, with its folder written once and copied.
    func copied() throws -> BundleSample {
        var copy = self
        copy.parent = FileManager.default.temporaryDirectory.appendingPathComponent("longview-\(UUID().uuidString)")
        copy.folder = copy.parent.appendingPathComponent("bundle")
        try FileManager.default.createDirectory(at: copy.parent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: folder, to: copy.folder)
        return copy
    }

    func remove() { try? FileManager.default.removeItem(at: parent) }

    func writer() throws -> BundleWriter {
        let policy = try CheckpointPolicy(
            origin: TestKeys.log.verifier.name, logKeys: [newestSigner.verifier])
        return try BundleWriter(
            folder: folder.path, checkpoint: checkpoint, policy: policy, initialKeys: [TestKeys.log.verifier],
            criteria: [Criterion(name: "until", value: "2027-01-01T00:00:00.000000Z")],
            formats: ProjectionFormat.allCases, withProofs: true, openings: .all)
    }

    @discardableResult
    func write() throws -> MerkleHash {
        var writer = try writer()
        for note in history { try writer.add(checkpoint: note) }
        for opening in openings.sorted(by: { OpeningFile.precedes($0.commitment.hash, $1.commitment.hash) }) {
            try writer.add(opening: opening)
        }
        for (index, entry) in entries.enumerated() {
            try writer.append(entry, isSelected: selected.contains(index))
        }
        return try writer.finish()
    }

    // MARK: - What is done to it

    func read(_ path: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(path)) }

    func add(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: folder.appendingPathComponent(path)) }

    func delete(_ path: String) throws {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(path))
    }

    func edit(_ path: String, _ change: (inout [UInt8]) throws -> Void) throws {
        var bytes = [UInt8](try read(path))
        try change(&bytes)
        try add(path, bytes)
    }

    func editEntries(_ path: String, _ change: (inout [[UInt8]]) -> Void) throws {
        try edit(path) {
            var entries = try EntryBundle.decode($0)
            change(&entries)
            $0 = try EntryBundle.encode(entries)
        }
    }

    /// Replaces the first of each pair by its second, once.
    func replace(_ path: String, _ pairs: String...) throws {
        try edit(path) { bytes in
            var text = String(decoding: bytes, as: UTF8.self)
            for pair in stride(from: 0, to: pairs.count, by: 2) {
                text = text.replacing(pairs[pair], with: pairs[pair + 1], maxReplacements: 1)
            }
            precondition(Array(text.utf8) != bytes, "nothing was replaced in \(path)")
            bytes = Array(text.utf8)
        }
    }

    /// An opening in its place of the file, of a commitment that no entry has.
    func addUnusedOpening() throws {
        let more = try CommitmentOpening(domain: .freeText, salt: [UInt8](repeating: 9, count: 32), text: "x")
        let all = (openings + [more]).sorted { OpeningFile.precedes($0.commitment.hash, $1.commitment.hash) }
        try add("openings.ndjson", all.flatMap { try OpeningFile.line(of: $0) })
    }
}
