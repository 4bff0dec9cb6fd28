import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("Bundles")
struct BundleTests {
    private func log(_ count: Int = 600, rotation: Bool = true) throws -> BundleSample {
        try BundleSample(count: count, rotation: rotation)
    }

    private func verify(
        _ folder: URL, keys: [NoteVerifier] = [TestKeys.otherLog.verifier], outside: [Checkpoint] = []
    ) throws -> BundleReport {
        let policy = try CheckpointPolicy(origin: TestKeys.log.verifier.name, logKeys: keys)
        return try BundleVerifier(policy: policy, outsideCheckpoints: outside).verify(folder: folder.path)
    }

    @Test("a bundle verifies from itself and the log's key", arguments: [1, 256, 600])
    func honest(count: Int) throws {
        let sample = try log(count, rotation: count > 10)
        defer { sample.remove() }
        let digest = try sample.write()
        let report = try verify(sample.folder, keys: [sample.newestSigner.verifier])
        #expect(report.log.found == [], "\(report.log.problems)")
        #expect(report.log.entries == count)
        #expect(report.openings == sample.openings.count)
        #expect(report.proofs == sample.selected.count)
        let manifest = [UInt8](try sample.read("manifest.json"))
        #expect(digest.hexadecimal == Hexadecimal.encode(BundleSample.sha256(manifest)))
        let listed = try BundleManifest(canonicalBytes: manifest)
        #expect(listed.files.count == report.files)
        #expect(listed.selection.entryCount == sample.selected.count)
        let members = try #require(
            JSONSerialization.jsonObject(
                with: Data(CanonicalJSON.encode(JSONValueEncoder.encode(report)))) as? [String: Any])
        for name in ["ok", "tree_size", "root", "checkpoints", "entries", "problems", "files", "proofs", "openings"] {
            #expect(members[name] != nil, "\(name)")
        }
    }

    @Test("an empty log has a bundle")
    func empty() throws {
        let sample = try log(0, rotation: false)
        defer { sample.remove() }
        try sample.write()
        #expect(try verify(sample.folder, keys: [sample.newestSigner.verifier]).log.found == [])
    }

    @Test("an export replaces nothing, and leaves nothing when given up")
    func exclusive() throws {
        let sample = try log(10, rotation: false)
        defer { sample.remove() }
        try sample.write()
        let error = #expect(throws: LedgerError.self) { try sample.write() }
        #expect(error?.message.contains("exists") == true)
        try FileManager.default.removeItem(at: sample.folder)
        var writer = try sample.writer()
        #expect(throws: LedgerError.self) { try sample.writer() }
        try writer.append(sample.entries[0], isSelected: true)
        writer.abandon()
        #expect(try FileManager.default.contentsOfDirectory(atPath: sample.parent.path) == [])
    }

    @Test("entries that are not the checkpoint's make no bundle")
    func wrongEntries() throws {
        let sample = try log(10, rotation: false)
        defer { sample.remove() }
        var writer = try sample.writer()
        for entry in sample.entries.dropLast() { try writer.append(entry, isSelected: false) }
        #expect(throws: LedgerError.self) { try writer.finish() }
        try writer.append(sample.entries[0], isSelected: false)
        #expect(throws: LedgerError.self) { try writer.append(sample.entries[0], isSelected: false) }
        #expect(throws: LedgerError.self) { try writer.finish() }
        writer.abandon()
    }

    /// What somebody does to a bundle, and what the verifier must say of it beside `file_changed`.
    enum Tampering: String, CaseIterable {
        case entry, entries, tile, tileMissing, bundleMissing, bundleMalformed, checkpoint, checkpoints, history, fork,
            keys
        case keysIntroduced, policy, proof, proofMoved, opening, openingUnused, projection, projectionLonger
        case projectionFHIR, fileMissing, fileExtra, symbolicLink, manifest, manifestForm, manifestSize

        var expected: Set<String> {
            switch self {
            case .entry: ["file_changed", "entry_changed", "proof_refused", "projection_changed"]
            case .entries: ["file_changed", "entry_moved", "projection_changed", "proof_refused"]
            case .tile: ["file_changed", "tile_changed"]
            case .tileMissing: ["file_missing", "tile_missing"]
            case .bundleMissing:
                ["file_missing", "bundle_missing", "proof_refused", "projection_changed", "keys_mismatch"]
            case .bundleMalformed: ["file_changed", "bundle_malformed", "proof_refused"]
            case .checkpoint: ["file_changed", "checkpoint_refused", "manifest_refused", "opening_missing"]
            case .checkpoints: ["file_changed", "file_missing", "checkpoint_refused", "no_checkpoint"]
            case .history: ["file_changed", "checkpoint_refused"]
            case .fork: ["file_extra", "fork", "root_mismatch"]
            case .keys, .keysIntroduced: ["file_changed", "keys_mismatch"]
            case .policy: ["file_changed", "policy_refused"]
            case .proof, .proofMoved: ["file_changed", "proof_refused"]
            case .opening: ["file_changed", "opening_refused", "projection_changed"]
            case .openingUnused: ["file_changed", "opening_unused"]
            case .projection, .projectionLonger, .projectionFHIR: ["file_changed", "projection_changed"]
            case .fileMissing: ["file_missing", "opening_missing", "projection_changed"]
            case .fileExtra: ["file_extra"]
            case .symbolicLink: ["file_missing", "file_extra", "keys_mismatch"]
            case .manifest, .manifestSize: ["manifest_refused"]
            case .manifestForm: ["manifest_refused"]
            }
        }
    }

    @Test("whatever is changed in a bundle is named")
    func tampering() throws {
        let honest = try log(300)
        defer { honest.remove() }
        try honest.write()
        for tampering in Tampering.allCases {
            let sample = try honest.copied()
            defer { sample.remove() }
            try tamper(sample, tampering)
            let report = try verify(sample.folder)
            #expect(!report.isOK)
            #expect(
                Set(report.log.problems.map(\.code.rawValue)) == tampering.expected,
                "\(tampering): \(report.log.problems)")
        }
    }

    private func tamper(_ sample: BundleSample, _ tampering: Tampering) throws {
        let firstBundle = "tile/entries/000"
        switch tampering {
        case .entry: try sample.editEntries(firstBundle) { $0[5] = Array("{}".utf8) }
        case .entries: try sample.editEntries(firstBundle) { $0.swapAt(4, 5) }
        case .tile: try sample.edit("tile/0/001.p/44") { $0[5] ^= 1 }
        case .tileMissing: try sample.delete("tile/1/000.p/1")
        case .bundleMissing: try sample.delete(firstBundle)
        case .bundleMalformed: try sample.edit(firstBundle) { $0.removeLast() }
        case .checkpoint: try sample.edit("checkpoint") { $0[$0.count - 10] ^= 1 }
        case .checkpoints:
            try sample.edit("checkpoint") { $0[$0.count - 10] ^= 1 }
            try sample.delete("checkpoints/256")
        case .history: try sample.edit("checkpoints/256") { $0[30] ^= 1 }
        case .fork:
            let other = try MemoryLedger.checkpoint(
                size: 256, root: MerkleTree.emptyRoot, signer: TestKeys.otherLog)
            try sample.add("checkpoints/256.2", other.bytes)
        case .keys:
            try sample.replace("keys.json", "\"retired_at\":150", "\"retired_at\":299")
        case .keysIntroduced:
            try sample.replace("keys.json", "\"introduced_at\":150,", "")
        case .policy:
            try sample.replace(
                "policy", "quorum", "witness w9 \(TestKeys.witness(9).verifier)\ngroup g 1 w9\nquorum", "quorum none",
                "quorum g")
        case .proof: try sample.edit("proofs/5.tlog-proof") { $0[60] ^= 1 }
        case .proofMoved: try sample.replace("proofs/5.tlog-proof", "index 5\n", "index 6\n")
        case .opening: try sample.edit("openings.ndjson") { $0[30] = $0[30] == 0x61 ? 0x62 : 0x61 }
        case .openingUnused: try sample.addUnusedOpening()
        case .projection: try sample.replace("projections/entries.csv", "intake", "review")
        case .projectionLonger: try sample.edit("projections/audit-messages.xml") { $0 += Array("<more/>".utf8) }
        case .projectionFHIR: try sample.edit("projections/AuditEvent.ndjson") { $0.removeLast() }
        case .fileMissing: try sample.delete("openings.ndjson")
        case .fileExtra: try sample.add("projections/more.csv", [])
        case .symbolicLink:
            let keys = sample.folder.appendingPathComponent("keys.json")
            let elsewhere = sample.parent.appendingPathComponent("keys.json")
            try FileManager.default.moveItem(at: keys, to: elsewhere)
            try FileManager.default.createSymbolicLink(at: keys, withDestinationURL: elsewhere)
        case .manifest: try sample.delete("manifest.json")
        case .manifestForm: try sample.edit("manifest.json") { $0 += [0x0A] }
        case .manifestSize: try sample.replace("manifest.json", "\"tree_size\":300", "\"tree_size\":301")
        }
    }

    @Test("any single byte changed in any file is found")
    func anyByte() throws {
        let sample = try log(300)
        defer { sample.remove() }
        try sample.write()
        #expect(try verify(sample.folder).isOK)
        var paths = try BundleManifest(canonicalBytes: [UInt8](sample.read("manifest.json"))).files.map(\.path)
        paths.append("manifest.json")
        var generator = SeededGenerator(state: 7)
        for _ in 0..<Drill.rounds(short: 10, long: 1000) {
            let path = paths.randomElement(using: &generator)!
            let honest = try sample.read(path)
            guard !honest.isEmpty else { continue }
            let position = Int.random(in: 0..<honest.count, using: &generator)
            try sample.edit(path) { $0[position] ^= UInt8.random(in: 1...255, using: &generator) }
            #expect(try !verify(sample.folder).isOK, "\(path) \(position)")
            try sample.edit(path) { $0 = [UInt8](honest) }
        }
        #expect(try verify(sample.folder).isOK)
    }

    @Test("a bundle made anew with a retired key is refused, and a fork by the log's own key is caught from outside")
    func forged() throws {
        let sample = try log()
        defer { sample.remove() }
        try sample.write()
        // The key of before the rotation signs no checkpoint of after it.
        try sample.edit("checkpoint") {
            let note = try SignedNote(parsing: $0)
            $0 = try SignedNote(text: note.text, signatures: [TestKeys.log.sign(note.text)]).bytes
        }
        let both = [TestKeys.log.verifier, TestKeys.otherLog.verifier]
        #expect(try verify(sample.folder, keys: both).log.problems.contains { $0.code == .checkpointRefused })

        let other = try BundleSample(count: 600, rotation: true, first: 1)
        defer { other.remove() }
        try other.write()
        #expect(try verify(other.folder).isOK)
        let kept = try Checkpoint(text: sample.checkpoint.text)
        let report = try verify(other.folder, outside: [kept])
        #expect(report.log.found == ["history_rewritten 600"])
        let longer = try Checkpoint(origin: kept.origin, size: 601, root: kept.root)
        #expect(try verify(other.folder, outside: [longer]).log.found == ["rolled_back 600"])
    }

    @Test("an erased patient's openings are erased, not missing; anyone else's are missing; a kept one is named")
    func erasure() throws {
        let sample = try log(40, rotation: false)
        defer { sample.remove() }
        // The sample's last entry erases its patient 1.
        try sample.write()
        var report = try verify(sample.folder, keys: [TestKeys.log.verifier])
        #expect(report.isOK, "\(report.log.problems)")
        #expect(report.erasedPatients == 1)

        let keeping = try BundleSample(count: 40, rotation: false, keepsErased: true)
        defer { keeping.remove() }
        try keeping.write()
        report = try verify(keeping.folder, keys: [TestKeys.log.verifier])
        #expect(report.log.problems.map(\.code) == [.openingNotErased])
        #expect(report.log.problems[0].index == 39)

        var lacking = try log(40, rotation: false)
        defer { lacking.remove() }
        lacking.openings.removeAll { $0.domain == .patient }
        try lacking.write()
        report = try verify(lacking.folder, keys: [TestKeys.log.verifier])
        #expect(Set(report.log.problems.map(\.code)) == [.openingMissing])
    }

    @Test("a policy's text is read and written, and third parties' are read")
    func policyText() throws {
        let policy = try CheckpointPolicy(
            origin: TestKeys.log.verifier.name, logKeys: [TestKeys.log.verifier],
            witnessKeys: [TestKeys.witness(1).verifier, TestKeys.witness(2).verifier], requiredCosignatures: 1)
        #expect(try CheckpointPolicy(text: policy.text) == policy)
        let one = "# a comment\nlog \(TestKeys.log.verifier)\nwitness X \(TestKeys.witness(1).verifier)\n\nquorum X\n"
        #expect(try CheckpointPolicy(text: one).requiredCosignatures == 1)
        for bad in [
            "", "log \(TestKeys.log.verifier)\n", "quorum none\n", one + "quorum X\n", one + "what\n",
            one.replacing("quorum X", with: "quorum Y"), one.replacing("quorum X", with: "group g 3 X\nquorum g"),
            one.replacing("quorum X", with: "group g 1 Y\nquorum g"),
        ] { #expect(throws: LedgerError.self, "\(bad)") { try CheckpointPolicy(text: bad) } }
    }

    /// The most memory that this process has held, in MiB.
    private func peakMiB() throws -> Double {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Double(line.split(whereSeparator: \.isWhitespace)[1])) / 1024
    }

    @Test("a long log is exported and verified in constant memory")
    func constantMemory() throws {
        let count = Drill.rounds(short: 1_500, long: 1_000_000)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longview-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let entries = try (0..<256).map { number in
            var entry = try EntrySamples.entry(.inference, isFull: false)
            entry.actor.id = "worker-\(number)"
            return try entry.canonicalBytes()
        }
        var builder = TileBuilder()
        for index in 0..<count { builder.append(MerkleTree.leafHash(entries[index % 256])) { _, _ in } }
        let policy = MemoryLedger.policy
        var writer = try BundleWriter(
            folder: folder.path, checkpoint: MemoryLedger.checkpoint(size: count, root: builder.root), policy: policy,
            initialKeys: policy.logKeys, formats: ProjectionFormat.allCases)
        let before = try peakMiB()
        for index in 0..<count { try writer.append(entries[index % 256], isSelected: index % 100 == 0) }
        _ = try writer.finish()
        let report = try BundleVerifier(policy: policy).verify(folder: folder.path)
        #expect(report.isOK, "\(report.log.problems)")
        #expect(report.log.entries == count)
        let grown = try peakMiB() - before
        print("\(count) entries exported and verified: \(grown) MiB more at the peak")
        #expect(grown < 64)
    }
}
