/// A bundle's `openings.ndjson`: one opening a line, in the order of commitments.
///
/// Holds 41 bytes in memory for each opening; salts and values stay in the file.
final class OpeningFile {
    static let path = "openings.ndjson"
    /// A line's limit: a value is at most an entry's length.
    private static let maximumLine = 1 << 18

    private let reader: BundleFileReader
    private let fullPath: String
    /// The openings' commitments, ascending.
    let commitments: [MerkleHash]
    private let offsets: [Int]
    /// Which of them an entry has.
    private(set) var isUsed: [Bool]

    /// The openings of a file; nil where there is none.
    /// - Throws: ``LedgerError`` (`malformedBundle`, `fileSystem`).
    init?(folder: String) throws {
        fullPath = folder + "/" + Self.path
        guard let reader = try BundleFileReader(fullPath) else { return nil }
        self.reader = reader
        var commitments: [MerkleHash] = []
        var offsets = [0]
        var line: [UInt8] = []
        while case let piece = try reader.next(), !piece.isEmpty {
            for part in piece.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
                if part.offset > 0 {
                    commitments.append(try Self.commitment(of: line, after: commitments.last, line: offsets.count))
                    offsets.append(offsets.last! + line.count + 1)
                    line.removeAll(keepingCapacity: true)
                }
                line += part.element
                guard line.count <= Self.maximumLine else {
                    throw LedgerError(.malformedBundle, "\(Self.path) has a line that is too long")
                }
            }
        }
        guard line.isEmpty else { throw LedgerError(.malformedBundle, "\(Self.path) does not end with a whole line") }
        self.commitments = commitments
        self.offsets = offsets
        isUsed = [Bool](repeating: false, count: commitments.count)
    }

    private static func commitment(of line: [UInt8], after last: MerkleHash?, line number: Int) throws -> MerkleHash {
        let commitment: MerkleHash
        do {
            commitment = try opening(of: line).commitment.hash
        } catch let error as LedgerError {
            throw LedgerError(.malformedBundle, "\(path), line \(number): \(error.message)")
        }
        guard last.map({ precedes($0, commitment) }) ?? true else {
            throw LedgerError(.malformedBundle, "\(path), line \(number): the commitments are not ascending")
        }
        return commitment
    }

    static func precedes(_ left: MerkleHash, _ right: MerkleHash) -> Bool {
        left.withUnsafeBytes { a in right.withUnsafeBytes { b in a.lexicographicallyPrecedes(b) } }
    }

    /// A line of the file.
    private struct Line: Codable {
        var commitment: MerkleHash
        var domain: String
        var salt: String
        var value: String
    }

    static func line(of opening: CommitmentOpening) throws -> [UInt8] {
        let line = Line(
            commitment: opening.commitment.hash, domain: opening.domain.label, salt: Hexadecimal.encode(opening.salt),
            value: Base64.encode(opening.value))
        return try CanonicalJSON.encode(JSONValueEncoder.encode(line)) + [0x0A]
    }

    private static func opening(of bytes: [UInt8]) throws -> CommitmentOpening {
        let line: Line = try JSONValueDecoder.decode(JSONParser.parse(bytes, maximumBytes: maximumLine), at: "opening")
        guard let salt = Hexadecimal.decode(line.salt), let value = Base64.decode(line.value),
            !line.domain.utf8.contains(0)
        else { throw LedgerError(.malformedBundle, "not an opening") }
        let opening = try CommitmentOpening(domain: CommitmentDomain(line.domain), salt: salt, value: value)
        guard opening.commitment.hash == line.commitment else {
            throw LedgerError(.malformedBundle, "the opening does not open the commitment it stands by")
        }
        return opening
    }

    /// The position of a commitment among the openings.
    func position(of commitment: MerkleHash) -> Int? {
        var low = 0
        var high = commitments.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(commitments[middle], commitment) { low = middle + 1 } else { high = middle }
        }
        return low < commitments.count && commitments[low] == commitment ? low : nil
    }

    /// Notes that an entry has the commitment; false where there is no opening of it.
    func use(_ commitment: MerkleHash) -> Bool {
        guard let position = position(of: commitment) else { return false }
        isUsed[position] = true
        return true
    }

    /// What opens a commitment; nil where the file has nothing.
    /// - Throws: ``LedgerError`` (`malformedBundle`, `fileSystem`).
    func opening(of commitment: Commitment) throws -> CommitmentOpening? {
        guard let position = position(of: commitment.hash) else { return nil }
        let start = offsets[position]
        return try Self.opening(of: reader.bytes(at: start, count: offsets[position + 1] - start - 1))
    }
}
