/// One pass over a log's entries and tiles: the working state of ``LedgerVerifier``.
struct LedgerWalk {
    private(set) var report: VerificationReport
    private var milestones: ArraySlice<LedgerMilestone>

    // The tree of what the tiles say; where a tile is missing, of its entries.
    private var tileRange = CompactRange()
    // The tree of the entries; where a bundle is missing, of its tile. Only kept apart once the two differ.
    private var entryRange: CompactRange?
    // Whether every hash so far is known, so that what follows has its place in the tree.
    private var isPlaced = true
    // Where entries and tiles differ since the last checkpoint, which will tell who is right.
    private var differences: [VerificationReport.Problem] = []
    private var differenceCount = 0
    // The hashes that tiles of levels 1 and up should hold so far, fewer than 256 of each.
    private var upper: [[MerkleHash]] = []
    // The leaf hashes of one bundle: kept from bundle to bundle for its memory.
    private var leaves: [MerkleHash] = []

    init(milestones: [LedgerMilestone], report: VerificationReport) {
        self.milestones = milestones[...]
        self.report = report
        leaves.reserveCapacity(TileAddress.fullWidth)
    }

    /// Reads the log up to the report's size.
    mutating func run(
        reader: some LedgerReader, inspect: ((_ index: Int, _ entry: UnsafeRawBufferPointer) throws -> Void)?
    ) throws {
        checkMilestones()
        for address in TileAddress.addedEntries(from: 0, to: report.treeSize) {
            let isRead = try hashEntries(at: address, reader: reader, inspect: inspect)
            let tileAddress = TileAddress(level: 0, index: address.index, width: address.width)
            let tile = try readTile(tileAddress, reader: reader)
            if isRead, let tile { compare(tile.hashes, at: address) }
            try append(tile: tile?.hashes, entries: isRead ? leaves : nil, at: address, reader: reader)
        }
        for level in upper.indices where isPlaced && !upper[level].isEmpty {
            try checkUpper(level: level, reader: reader)
        }
        settle(tilesHold: true, entriesHold: false)
    }

    // MARK: - Entries

    /// Hashes the bundle's entries into `leaves`; false where the bundle can't be compared entry by entry.
    private mutating func hashEntries(
        at address: TileAddress, reader: some LedgerReader,
        inspect: ((_ index: Int, _ entry: UnsafeRawBufferPointer) throws -> Void)?
    ) throws -> Bool {
        leaves.removeAll(keepingCapacity: true)
        let first = address.range.lowerBound
        var mayBeLonger = false
        var bytes = try reader.read(address)
        if bytes == nil, address.isPartial {
            bytes = try reader.read(address.full)
            mayBeLonger = true
        }
        guard let bytes else {
            report.add(.init(.bundleMissing, at: first, "\(address.path) is missing, with \(address.width) entries"))
            return false
        }
        var count = 0
        do {
            count = try EntryBundle.forEach(in: bytes) { position, entry in
                guard position < address.width else { return }
                leaves.append(MerkleTree.leafHash(entry))
                if !CanonicalScanner.isCanonicalObject(entry) {
                    report.add(
                        .init(
                            .entryNotCanonical, at: first + position,
                            "entry \(first + position) is not a canonical JSON object"))
                }
                try inspect?(first + position, entry)
            }
        } catch let error as LedgerError where error.code == .malformedTile {
            report.entries += leaves.count
            report.add(.init(.bundleMalformed, at: first + leaves.count, "\(address.path): \(error)"))
            return false
        }
        report.entries += leaves.count
        if count < address.width || (count > address.width && !mayBeLonger) {
            report.add(
                .init(
                    count < address.width ? .entryMissing : .entryInserted, at: first + min(count, address.width),
                    "\(address.path) has \(count) entries in place of \(address.width)"))
        }
        return true
    }

    /// Notes where entries and their tile differ.
    private mutating func compare(_ hashes: [MerkleHash], at address: TileAddress) {
        guard leaves != hashes else { return }
        let first = address.range.lowerBound
        for (position, (leaf, hash)) in zip(leaves, hashes).enumerated() where leaf != hash {
            let index = first + position
            if let place = hashes.firstIndex(of: leaf) {
                note(
                    .init(
                        .entryMoved, at: index, "entry \(index) is the one that was recorded as entry \(first + place)")
                )
            } else {
                note(.init(.entryChanged, at: index, "entry \(index) is not the one that was recorded"))
            }
        }
    }

    private mutating func note(_ difference: VerificationReport.Problem) {
        differenceCount += 1
        if differences.count < VerificationReport.maximumProblems { differences.append(difference) }
    }

    // MARK: - Roots

    private mutating func append(
        tile: [MerkleHash]?, entries: [MerkleHash]?, at address: TileAddress, reader: some LedgerReader
    ) throws {
        let entries = entries?.count == address.width ? entries : nil
        guard isPlaced, let tileHashes = tile ?? entries else {
            isPlaced = false
            return
        }
        let entryHashes = entries ?? tileHashes
        if entryRange == nil, tileHashes != entryHashes { entryRange = tileRange }
        let root = address.isPartial ? nil : MerkleTree.completeRoot(tileHashes)
        if let root, milestones.first.map({ $0.size >= address.range.upperBound }) ?? true {
            // No checkpoint falls inside: the full tile is one node.
            tileRange.append(root, level: TileAddress.height)
            entryRange?.append(MerkleTree.completeRoot(entryHashes), level: TileAddress.height)
            checkMilestones()
        } else {
            for (tileHash, entryHash) in zip(tileHashes, entryHashes) {
                tileRange.append(tileHash)
                entryRange?.append(entryHash)
                checkMilestones()
            }
        }
        if let root { try push(root, level: 1, reader: reader) }
    }

    private mutating func checkMilestones() {
        while let milestone = milestones.first, milestone.size == tileRange.end {
            milestones.removeFirst()
            let tilesHold = tileRange.root == milestone.root
            let entriesHold = entryRange.map { $0.root == milestone.root } ?? tilesHold
            if !tilesHold, !entriesHold {
                report.add(
                    milestone.isOutside
                        ? .init(
                            .historyRewritten, at: milestone.size,
                            "the first \(milestone.size) entries are not those of the checkpoint kept outside")
                        : .init(
                            .rootMismatch, at: milestone.size,
                            "the first \(milestone.size) entries are not those of the signed checkpoint of that size"))
            }
            settle(tilesHold: tilesHold, entriesHold: entriesHold)
        }
    }

    /// Reports the differences between entries and tiles, now that a checkpoint tells who is right.
    private mutating func settle(tilesHold: Bool, entriesHold: Bool) {
        guard differenceCount > 0 else { return }
        for difference in differences {
            guard entriesHold, !tilesHold, let index = difference.index else {
                report.add(difference)
                continue
            }
            let path = TileAddress(level: 0, index: index >> TileAddress.height).path
            report.add(.init(.tileChanged, at: index, "\(path) does not hold the hash of entry \(index)"))
        }
        report.problemCount += differenceCount - differences.count
        differences = []
        differenceCount = 0
        if entriesHold, !tilesHold, let entryRange { tileRange = entryRange }
        entryRange = nil
    }

    // MARK: - Tiles

    private mutating func readTile(_ address: TileAddress, reader: some LedgerReader) throws -> Tile? {
        let first = firstEntry(of: address)
        var bytes = try reader.read(address)
        if bytes == nil, address.isPartial, let full = try reader.read(address.full) {
            bytes = Array(full.prefix(address.width * MerkleHash.byteCount))
        }
        guard let bytes else {
            report.add(.init(.tileMissing, at: first, "\(address.path) is missing"))
            return nil
        }
        do {
            return try Tile(bytes, at: address)
        } catch {
            report.add(.init(.tileMalformed, at: first, "\(error)"))
            return nil
        }
    }

    private func firstEntry(of address: TileAddress) -> Int {
        guard case .hashes(let level) = address.kind else { return address.range.lowerBound }
        return address.range.lowerBound << (level * TileAddress.height)
    }

    /// Adds a hash that the tiles of `level` must hold next.
    private mutating func push(_ hash: MerkleHash, level: Int, reader: some LedgerReader) throws {
        if upper.count < level { upper.append([]) }
        upper[level - 1].append(hash)
        guard upper[level - 1].count == TileAddress.fullWidth else { return }
        let root = MerkleTree.completeRoot(upper[level - 1])
        try checkUpper(level: level - 1, reader: reader)
        try push(root, level: level + 1, reader: reader)
    }

    /// Compares the tile that `upper[level]` makes up with the one that is there.
    private mutating func checkUpper(level: Int, reader: some LedgerReader) throws {
        let hashes = upper[level]
        upper[level].removeAll(keepingCapacity: true)
        // The position of the last hash among those of its level says which tile this is.
        let end = tileRange.end >> (TileAddress.height * (level + 1))
        let address = TileAddress(level: level + 1, index: (end - 1) >> TileAddress.height, width: hashes.count)
        guard let tile = try readTile(address, reader: reader) else { return }
        for (position, (found, expected)) in zip(tile.hashes, hashes).enumerated() where found != expected {
            let index = (address.range.lowerBound + position) << (TileAddress.height * (level + 1))
            report.add(
                .init(
                    .tileChanged, at: index,
                    "\(address.path) does not hold the root of the tile below from entry \(index)"))
        }
    }
}
