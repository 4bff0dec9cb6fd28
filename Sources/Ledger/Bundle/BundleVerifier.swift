/// Verifies a bundle offline, from the bundle and a public key that came another way.
///
/// Everything in the folder is held against something: tiles and entries against signed checkpoints, keys against the
/// entries that introduced and retired them, proofs and openings against entries, projections against what the entries
/// give anew, and all files against the manifest. Memory does not grow with entries, but by some 40 bytes an opening.
public struct BundleVerifier: Sendable {
    /// What the newest checkpoint must meet: keys and witnesses from outside, which alone are trusted.
    public var policy: CheckpointPolicy
    /// Checkpoints that were kept outside.
    public var outsideCheckpoints: [Checkpoint]

    /// A verifier that trusts the keys of `policy`.
    public init(policy: CheckpointPolicy, outsideCheckpoints: [Checkpoint] = []) {
        self.policy = policy
        self.outsideCheckpoints = outsideCheckpoints
    }

    /// Verifies the bundle in `folder`.
    /// - Throws: ``LedgerError`` (`fileSystem`) where a file is there and can't be read. What is wrong with the bundle is
    ///   in the report.
    public func verify(folder: String) throws -> BundleReport {
        var report = BundleReport()
        let manifest = Self.manifest(folder, &report)
        if let manifest { try Self.checkFiles(folder, manifest, &report) }
        let keys = Self.keys(folder, &report)
        let newest = Self.part("checkpoint", .checkpointRefused, folder, &report) { try SignedNote(parsing: $0) }
        var trusted = policy
        trusted.retiredAt.merge((try? keys?.retiredAt()) ?? [:]) { min($0, $1) }
        var isTrusted = false
        if let newest {
            do {
                _ = try trusted.open(newest)
                isTrusted = true
            } catch {
                report.add(.checkpointRefused, "the newest checkpoint: \(error)")
            }
        }
        // Former keys of the log count for the past once the newest checkpoint stands on a trusted one: whether the
        // entries under it name them is told below.
        var past = trusted
        past.requiredCosignatures = 0
        if isTrusted, let known = try? keys?.logKeys() {
            past.logKeys += known.filter { key in !trusted.logKeys.contains { $0.id == key.id } }
        }
        var history = try Self.history(folder)
        if isTrusted, let newest { history.append(newest.bytes) }

        let openings = try Self.openings(folder, manifest, &report)
        var walk = BundleWalk(
            folder: folder, manifest: manifest, openings: openings, origin: policy.origin, report: report)
        let log = try LedgerVerifier(policy: past, outsideCheckpoints: outsideCheckpoints)
            .verify(checkpoints: history, reader: BundleReader(folder: folder)) { index, entry in
                try walk.visit(entry, at: index)
            }
        // Without a checkpoint no entry was read, and nothing can be held against one.
        if log.checkpoints > 0 { try walk.finish(keys: keys, trustedKeys: policy) }
        report = walk.report
        report.log.take(log)
        if let manifest, log.checkpoints > 0 { Self.compare(manifest, policy.origin, &report) }
        try checkPolicy(folder, keys, &report)
        if log.checkpoints > 0 { try checkProofs(folder, trusted, &report) }
        return report
    }

    // MARK: - Files

    private static func manifest(_ folder: String, _ report: inout BundleReport) -> BundleManifest? {
        do {
            let path = folder + "/" + BundleManifest.fileName
            guard let bytes = try BundleFileReader.contents(path, limit: BundleManifest.maximumBytes) else {
                report.add(.manifestRefused, "there is no \(BundleManifest.fileName); is this a bundle?")
                return nil
            }
            return try BundleManifest(canonicalBytes: bytes)
        } catch {
            report.add(.manifestRefused, "\(BundleManifest.fileName): \(error)")
            return nil
        }
    }

    private static func checkFiles(_ folder: String, _ manifest: BundleManifest, _ report: inout BundleReport) throws {
        for file in manifest.files {
            guard let reader = try BundleFileReader(folder + "/" + file.path) else {
                report.add(.fileMissing, "\(file.path) is missing")
                continue
            }
            let (byteCount, sha256) = try reader.digest()
            if byteCount == file.bytes, sha256 == file.sha256 {
                report.files += 1
            } else {
                report.add(.fileChanged, "\(file.path) is not the file that the manifest lists")
            }
        }
        try BundleReader(folder: folder).forEachFile { path, isRegular in
            if path == BundleManifest.fileName { return }
            if !isRegular || !manifest.lists(path) {
                report.add(.fileExtra, "\(path) is not listed in the manifest")
            }
        }
    }

    /// A part of the bundle that has one small file.
    private static func part<Value>(
        _ path: String, _ code: VerificationReport.Problem.Code, _ folder: String, _ report: inout BundleReport,
        _ read: ([UInt8]) throws -> Value
    ) -> Value? {
        do {
            guard let bytes = try BundleFileReader.contents(folder + "/" + path, limit: SignedNote.maximumBytes) else {
                report.add(code, "\(path) is missing")
                return nil
            }
            return try read(bytes)
        } catch {
            report.add(code, "\(path): \(error)")
            return nil
        }
    }

    private static func keys(_ folder: String, _ report: inout BundleReport) -> KeyHistory? {
        part("keys.json", .keysMismatch, folder, &report) { try KeyHistory(canonicalBytes: $0) }
    }

    private static func history(_ folder: String) throws -> [[UInt8]] {
        var notes: [[UInt8]] = []
        try BundleReader(folder: folder).forEachFile { path, isRegular in
            guard isRegular, path.hasPrefix("checkpoints/") else { return }
            notes.append(
                try BundleFileReader.contents(folder + "/" + path, limit: SignedNote.maximumBytes) ?? [])
        }
        return notes
    }

    private static func openings(
        _ folder: String, _ manifest: BundleManifest?, _ report: inout BundleReport
    ) throws -> OpeningFile? {
        do {
            let file = try OpeningFile(folder: folder)
            if file == nil, manifest.map({ $0.openings != .none }) ?? false {
                report.add(.openingMissing, "the manifest promises openings, and \(OpeningFile.path) is missing")
            }
            return file
        } catch let error as LedgerError where error.code != .fileSystem {
            report.add(.openingRefused, error.message)
            return nil
        }
    }

    private static func compare(_ manifest: BundleManifest, _ origin: String, _ report: inout BundleReport) {
        if manifest.origin != origin || manifest.treeSize != report.log.treeSize
            || manifest.root != report.log.root.base64
        {
            report.add(
                .manifestRefused,
                "the manifest is of “\(manifest.origin)” with \(manifest.treeSize) entries; the newest checkpoint is not"
            )
        }
    }

    // MARK: - Policy and proofs

    private func checkPolicy(_ folder: String, _ keys: KeyHistory?, _ report: inout BundleReport) throws {
        let stated = Self.part("policy", .policyRefused, folder, &report) { bytes in
            try CheckpointPolicy(text: String(decoding: bytes, as: UTF8.self))
        }
        guard let stated else { return }
        let known = Set((keys?.keys.map(\.vkey) ?? []) + (policy.logKeys + policy.witnessKeys).map(\.description))
        for key in stated.logKeys + stated.witnessKeys where !known.contains(key.description) {
            report.add(.policyRefused, "the bundle's policy names the key \(key.id), which is not in keys.json")
        }
    }

    private func checkProofs(_ folder: String, _ trusted: CheckpointPolicy, _ report: inout BundleReport) throws {
        let reader = BundleReader(folder: folder)
        var last: (address: TileAddress, entries: [[UInt8]])?
        let size = report.log.treeSize
        try reader.forEachFile { path, isRegular in
            guard isRegular, path.hasPrefix("proofs/") else { return }
            do {
                let bytes = try BundleFileReader.contents(folder + "/" + path, limit: SignedNote.maximumBytes)
                let proof = try TlogProof(parsing: bytes ?? [])
                guard path == "proofs/\(proof.index).tlog-proof", proof.index < size else {
                    throw LedgerError(.malformedProof, "it is of entry \(proof.index)")
                }
                let number = proof.index >> TileAddress.height
                let address = TileAddress(
                    kind: .entries, index: number,
                    width: min(TileAddress.fullWidth, size - number << TileAddress.height))
                if last?.address != address {
                    last = (address, try EntryBundle.decode(reader.read(address) ?? []))
                }
                let position = proof.index & (TileAddress.fullWidth - 1)
                guard let entries = last?.entries, position < entries.count else {
                    throw LedgerError(.malformedProof, "its entry is missing")
                }
                try proof.verify(entry: entries[position], policy: trusted)
                report.proofs += 1
            } catch let error as LedgerError where error.code != .fileSystem {
                report.add(.proofRefused, at: Self.index(ofProof: path), "\(path): \(error)")
            }
        }
    }

    private static func index(ofProof path: String) -> Int? {
        DecimalNumber.parse(path.dropFirst("proofs/".count).dropLast(".tlog-proof".count))
    }
}

extension BundleManifest {
    /// Whether the manifest has a file of this path.
    func lists(_ path: String) -> Bool {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle].path.utf8.lexicographicallyPrecedes(path.utf8) { low = middle + 1 } else { high = middle }
        }
        return low < files.count && files[low].path.utf8.elementsEqual(path.utf8)
    }
}

extension VerificationReport {
    /// Takes over what was found in the log, before the problems that are here.
    mutating func take(_ log: VerificationReport) {
        let own = self
        self = log
        for problem in own.problems { add(problem) }
        problemCount += own.problemCount - own.problems.count
    }
}
