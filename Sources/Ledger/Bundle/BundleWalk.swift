/// What a bundle's verifier learns from the entries, one after another.
struct BundleWalk {
    private(set) var report: BundleReport
    private let openings: OpeningFile?
    private let areOpeningsPromised: Bool
    private var keys: KeyHistory
    private var ranges: ArraySlice<[Int]>
    private var projections: [Projection] = []
    // The commitments of erased patients with their entries' indices.
    private var erased: [MerkleHash: Int] = [:]
    // Patients with a commitment that has no opening, and the first entry of each; nil is no patient's.
    private var unopened: [MerkleHash?: Int] = [:]

    private struct Projection {
        var name: String
        var writer: ProjectionWriter
        var files: [FileComparison]
        var isGood = true
    }

    init(
        folder: String, manifest: BundleManifest?, openings: OpeningFile?, origin: String,
        report: BundleReport
    ) {
        self.report = report
        self.openings = openings
        areOpeningsPromised = openings != nil && manifest?.openings == .all
        keys = KeyHistory(keys: [])
        ranges = manifest?.selection.ranges[...] ?? []
        let projection = EntryProjection(origin: origin) { try openings?.opening(of: $0) }
        for format in (manifest?.formats ?? []).compactMap(ProjectionFormat.init) {
            let files = format.fileNames.map { FileComparison("\(folder)/projections/\($0)") }
            // A comparison throws nothing before its end.
            guard
                let writer = try? ProjectionWriter(
                    format, projection: projection, output: { files[$0].expect($1) })
            else { continue }
            projections.append(Projection(name: format.rawValue, writer: writer, files: files))
        }
    }

    mutating func visit(_ entry: UnsafeRawBufferPointer, at index: Int) throws {
        if entry.ends(in: EntryMark.keyRotation) { rotate(Array(entry), at: index) }
        if entry.ends(in: EntryMark.erasure) { erase(Array(entry), at: index) }
        if openings != nil { match(entry, at: index) }
        while let range = ranges.first, range[1] <= index { ranges.removeFirst() }
        guard let range = ranges.first, range[0] <= index else { return }
        let bytes = projections.isEmpty ? [] : Array(entry)
        for position in projections.indices where projections[position].isGood {
            do {
                try projections[position].writer.write(bytes, index: index)
                try check(position, at: index)
            } catch let error as LedgerError {
                refuse(position, at: index, "\(error)")
            }
        }
    }

    private mutating func check(_ position: Int, at index: Int?) throws {
        for file in projections[position].files where try !file.isEqual {
            refuse(position, at: index, "\(file.path) does not say what the entry says")
            return
        }
    }

    private mutating func refuse(_ position: Int, at index: Int?, _ message: String) {
        projections[position].isGood = false
        report.add(.projectionChanged, at: index, "the projection “\(projections[position].name)”: \(message)")
    }

    private mutating func rotate(_ bytes: [UInt8], at index: Int) {
        do {
            if let rotation = try KeyRotationEntry(ifEntry: bytes) { keys.apply(rotation, at: index) }
        } catch {
            report.add(.keysMismatch, at: index, "entry \(index) rotates keys and can't be read: \(error)")
        }
    }

    private mutating func erase(_ bytes: [UInt8], at index: Int) {
        guard case .erasure(let body)? = (try? Entry(canonicalBytes: bytes))?.body else {
            report.add(.openingNotErased, at: index, "entry \(index) erases a patient and can't be read")
            return
        }
        erased[body.patient.hash] = index
    }

    /// Marks the openings of an entry's commitments, and notes what has none.
    private mutating func match(_ entry: UnsafeRawBufferPointer, at index: Int) {
        guard let openings else { return }
        guard areOpeningsPromised else {
            entry.forEachQuotedDigest { _ = openings.use($0) }
            return
        }
        // Whose each commitment is takes the entry's members, not only its digits.
        guard let decoded = try? Entry(canonicalBytes: Array(entry)) else {
            entry.forEachQuotedDigest { _ = openings.use($0) }
            return
        }
        let patient = decoded.body.patient?.hash
        for commitment in decoded.body.commitments where !openings.use(commitment.hash) {
            // An opening may be missing for the patient's sake, or its own: a read names several patients.
            let owner = patient ?? (decoded.body.areCommitmentsPatients ? commitment.hash : nil)
            unopened[owner] = min(unopened[owner] ?? index, index)
        }
    }

    /// What can be told when all entries were seen.
    mutating func finish(keys stated: KeyHistory?, trustedKeys policy: CheckpointPolicy) throws {
        for position in projections.indices where projections[position].isGood {
            try projections[position].writer.finish()
            try check(position, at: nil)
            for file in projections[position].files where projections[position].isGood {
                if try !file.isAtEnd { refuse(position, at: nil, "\(file.path) says more than the entries") }
            }
        }
        if let stated { check(stated, policy) }
        report.erasedPatients = erased.count
        if let openings {
            for (commitment, isUsed) in zip(openings.commitments, openings.isUsed) {
                if let index = erased[commitment] {
                    report.add(
                        .openingNotErased, at: index, "entry \(index) erased a patient whom \(OpeningFile.path) opens")
                } else if isUsed {
                    report.openings += 1
                } else {
                    report.add(
                        .openingUnused,
                        "\(OpeningFile.path) opens \(commitment.hexadecimal), which no entry commits to")
                }
            }
        }
        for (owner, index) in unopened.sorted(by: { $0.value < $1.value }) {
            if let owner, erased[owner] != nil { continue }
            report.add(.openingMissing, at: index, "entry \(index) has a commitment without an opening")
        }
    }

    /// Whether the stated history is that of the entries: a key that no entry introduced must be trusted from outside,
    /// or be one that an entry retired.
    private mutating func check(_ stated: KeyHistory, _ policy: CheckpointPolicy) {
        let outside = Set((policy.logKeys + policy.witnessKeys).map(\.description))
        for key in stated.keys {
            let told = keys.keys.first {
                $0.vkey == key.vkey && $0.introducedAt == key.introducedAt && $0.retiredAt == key.retiredAt
            }
            if told != nil { continue }
            let isInitial = key.introducedAt == nil && key.retiredAt == nil && outside.contains(key.vkey)
            let isKnownWitness = key.role == "witness" && key.introducedAt == nil && key.retiredAt == nil
            if !isInitial, !isKnownWitness {
                report.add(
                    .keysMismatch, at: key.retiredAt ?? key.introducedAt,
                    "keys.json has the key “\(key.vkey.prefix { $0 != "+" })” otherwise than the log's entries")
            }
        }
        for key in keys.keys where !stated.keys.contains(key) {
            report.add(
                .keysMismatch, at: key.introducedAt ?? key.retiredAt,
                "keys.json lacks a key, or its end, that the log's entries tell of")
        }
    }
}

extension UnsafeRawBufferPointer {
    func ends(in mark: [UInt8]) -> Bool {
        count >= mark.count && self[(count - mark.count)...].elementsEqual(mark)
    }

    /// Calls `body` with each string that is 64 lower-case hexadecimal digits.
    func forEachQuotedDigest(_ body: (MerkleHash) -> Void) {
        let width = 2 * MerkleHash.byteCount
        var position = 0
        while position + width + 1 < count {
            guard self[position] == UInt8(ascii: "\""), self[position + width + 1] == UInt8(ascii: "\""),
                let hash = MerkleHash(
                    hexadecimal: String(decoding: self[position + 1...position + width], as: UTF8.self))
            else {
                position += 1
                continue
            }
            body(hash)
            position += width + 2
        }
    }
}
