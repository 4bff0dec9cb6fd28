/// Where a tile or an entry bundle is: C2SP tlog-tiles' `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`.
public struct TileAddress: Hashable, Sendable, CustomStringConvertible {
    /// What is there.
    public enum Kind: Hashable, Sendable {
        /// Hashes of subtrees of height 8 × `level`.
        case hashes(level: Int)
        /// Entries.
        case entries
    }

    /// The height of a tile: it holds up to 2⁸ hashes.
    public static let height = 8
    /// The number of hashes or entries in a full tile or bundle.
    public static let fullWidth = 1 << height
    /// The highest level (C2SP tlog-tiles); trees of 63-bit size have 8.
    static let maximumLevel = 63
    /// Beyond every index of a tree whose size has 63 bits.
    private static let indexLimit = Int.max >> height

    /// What is there.
    public let kind: Kind
    /// The position among those of one level, from 0.
    public let index: Int
    /// The number of hashes or entries: 256, or less at the right edge of a tree.
    public let width: Int

    /// The tile of hashes at `level`.
    public init(level: Int, index: Int, width: Int = fullWidth) {
        self.init(kind: .hashes(level: level), index: index, width: width)
    }

    /// The tile or bundle of these values.
    public init(kind: Kind, index: Int, width: Int = fullWidth) {
        precondition(
            (0..<Self.indexLimit).contains(index) && (1...Self.fullWidth).contains(width), "there is no such tile")
        self.kind = kind
        self.index = index
        self.width = width
    }

    /// Whether it has less than 256 hashes or entries.
    public var isPartial: Bool { width < Self.fullWidth }

    /// The positions of its hashes among those of its level, or of its entries in the log.
    public var range: Range<Int> { index << Self.height..<index << Self.height + width }

    /// The full tile or bundle at the same place.
    public var full: TileAddress { TileAddress(kind: kind, index: index) }

    /// The path, relative to the log's prefix.
    public var path: String {
        var groups = [Self.threeDigits(index % 1000)]
        var rest = index / 1000
        while rest > 0 {
            groups.insert("x" + Self.threeDigits(rest % 1000), at: 0)
            rest /= 1000
        }
        let kindName =
            switch kind {
            case .hashes(let level): String(level)
            case .entries: "entries"
            }
        return "tile/\(kindName)/" + groups.joined(separator: "/") + (isPartial ? ".p/\(width)" : "")
    }

    /// The path.
    public var description: String { path }

    private static func threeDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// The address of a path in its one form.
    /// - Throws: ``LedgerError`` (`malformedPath`).
    public init(path: String) throws {
        let malformed = LedgerError(.malformedPath, "“\(path)” is not the path of a tile or entry bundle")
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.removeFirst() == "tile" else { throw malformed }
        let name = parts.removeFirst()
        if name == "entries" {
            kind = .entries
        } else if let level = DecimalNumber.parse(name), level <= Self.maximumLevel {
            kind = .hashes(level: level)
        } else {
            throw malformed
        }
        var width = Self.fullWidth
        if parts.count >= 2, parts[parts.count - 2].hasSuffix(".p") {
            guard let partial = DecimalNumber.parse(parts.removeLast()), (1..<Self.fullWidth).contains(partial) else {
                throw malformed
            }
            width = partial
            parts[parts.count - 1].removeLast(2)
        }
        var index = 0
        for (position, part) in parts.enumerated() {
            let digits = position < parts.count - 1 ? part.dropFirst() : part
            guard position == parts.count - 1 || part.first == "x", digits.utf8.count == 3,
                digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                index <= Self.indexLimit / 1000
            else { throw malformed }
            index = index * 1000 + Int(digits)!
        }
        guard index < Self.indexLimit else { throw malformed }
        self.index = index
        self.width = width
        // One index has one path: no leading group of zeros.
        guard self.path == path else { throw malformed }
    }
}

extension TileAddress {
    /// The tiles of hashes that a tree of `newSize` entries has and one of `oldSize` has not: what to write when a log
    /// has grown. Lower levels first.
    public static func added(from oldSize: Int, to newSize: Int) -> [TileAddress] {
        var addresses: [TileAddress] = []
        var level = 0
        while level * height < Int.bitWidth - 1, newSize >> (level * height) > 0 {
            addresses += added(
                .hashes(level: level), from: oldSize >> (level * height), to: newSize >> (level * height))
            level += 1
        }
        return addresses
    }

    /// The entry bundles that a log of `newSize` entries has and one of `oldSize` has not.
    public static func addedEntries(from oldSize: Int, to newSize: Int) -> [TileAddress] {
        added(.entries, from: oldSize, to: newSize)
    }

    private static func added(_ kind: Kind, from old: Int, to new: Int) -> [TileAddress] {
        guard old < new else { return [] }
        return (old >> height...(new - 1) >> height).map {
            TileAddress(kind: kind, index: $0, width: min(fullWidth, new - $0 << height))
        }
    }

    /// The tile at `level` and `index` as it is in a tree of `size` entries; nil where that tree has none.
    static func inTree(size: Int, level: Int, index: Int) -> TileAddress? {
        guard level * height < Int.bitWidth - 1 else { return nil }
        let width = min(fullWidth, size >> (level * height) - index << height)
        return width > 0 ? TileAddress(level: level, index: index, width: width) : nil
    }
}
