import Foundation
import Ledger
import Glibc
import Postgres

/// Holds rows against their entries: whether each inference and refusal says what the ledger says, and whether each has
/// its row and its entry.
///
/// An entry is compared without its actor, which the row does not have. What is kept of an entry is a hash: 100 bytes a
/// record.
struct RecordCheck {
    private struct Recorded {
        var index: Int
        var hash: MerkleHash
    }

    /// By the record's id.
    private var recorded: [UUID: Recorded] = [:]
    private var erased: Set<Commitment> = []
    /// Entries that have no place yet: their records are not without entry.
    private var waiting: [UUID: MerkleHash] = [:]

    // MARK: - Entries

    /// Notes an entry of the ledger.
    mutating func note(_ index: Int, _ entry: UnsafeRawBufferPointer) throws {
        if let (id, hash) = Self.record(entry) {
            recorded[id] = Recorded(index: index, hash: hash)
        } else if Self.type(of: entry) == "erasure" {
            guard case .erasure(let erasure)? = try? Entry(canonicalBytes: Array(entry)).body else { return }
            erased.insert(erasure.patient)
        }
    }

    /// Notes an entry that waits for its place.
    mutating func note(waiting entry: [UInt8]) {
        entry.withUnsafeBytes { bytes in
            if let (id, hash) = Self.record(bytes) { waiting[id] = hash }
        }
    }

    /// The id and hash of an inference's or refusal's entry; nil for others.
    private static func record(_ entry: UnsafeRawBufferPointer) -> (UUID, MerkleHash)? {
        let name: StaticString
        switch type(of: entry) {
        case "inference": name = "\"inference_id\":\""
        case "refusal": name = "\"refusal_id\":\""
        default: return nil
        }
        guard let hash = hash(entry), let start = position(of: name, in: entry), start + 36 <= entry.count,
            let id = UUID(uuidString: String(decoding: entry[start..<start + 36], as: UTF8.self))
        else { return nil }
        return (id, hash)
    }

    /// The hash of what a row has of an entry: all but the actor, which is the first member, and the source's site. No
    /// string holds the texts that are looked for: quotes within strings are escaped.
    private static func hash(_ entry: UnsafeRawBufferPointer) -> MerkleHash? {
        guard let start = position(of: ",\"body\":", in: entry) else { return nil }
        let tail = UnsafeRawBufferPointer(rebasing: entry[start...])
        guard let source = position(of: ",\"source\":{", in: tail) else { return nil }
        let origin = UnsafeRawBufferPointer(rebasing: tail[source...])
        guard let site = position(of: ",\"site\":\"", in: origin),
            let end = position(of: "\",\"version\":", in: UnsafeRawBufferPointer(rebasing: origin[site...]))
        else { return MerkleTree.leafHash(tail) }
        let (before, after) = (
            source + site - ",\"site\":\"".utf8.count, source + site + end - ",\"version\":".utf8.count
        )
        return MerkleTree.leafHash(Array(tail[..<before]) + Array(tail[after...]))
    }

    private static func type(of entry: UnsafeRawBufferPointer) -> Substring? {
        // …"type":"inference","version":1}: the last two members.
        let end = String(decoding: entry.suffix(64), as: UTF8.self)
        guard let start = end.range(of: "\"type\":\"", options: .backwards) else { return nil }
        return end[start.upperBound...].prefix { $0 != "\"" }
    }

    /// Where the first occurrence of a text ends.
    private static func position(of text: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
        let count = text.utf8CodeUnitCount
        guard let start = bytes.baseAddress, bytes.count >= count else { return nil }
        for offset in 0...bytes.count - count
        where bytes[offset] == text.utf8Start[0] && memcmp(start + offset, text.utf8Start, count) == 0 {
            return offset + count
        }
        return nil
    }

    // MARK: - Rows

    /// What came of a row.
    enum Finding {
        case agrees
        /// It differs from the entry at this index; nil for one that waits for its place.
        case differs(index: Int?)
        case unrecorded
    }

    /// Compares a row, as the entry it stands for, with its entry; each row once.
    mutating func check(_ id: UUID, is entry: Entry) throws -> Finding {
        let hash = try entry.canonicalBytes().withUnsafeBytes { Self.hash($0) }
        if let found = recorded.removeValue(forKey: id) {
            return found.hash == hash ? .agrees : .differs(index: found.index)
        }
        guard let kept = waiting[id] else { return .unrecorded }
        return kept == hash ? .agrees : .differs(index: nil)
    }

    /// The records that have entries, by their indices, and no rows: call when all rows were checked.
    var withoutRows: [(index: Int, id: UUID)] {
        recorded.map { (index: $0.value.index, id: $0.key) }.sorted { $0.index < $1.index }
    }

    /// Whether the patient of an entry was erased.
    func isErased(_ entry: Entry) -> Bool {
        let patient: Commitment? =
            switch entry.body {
            case .inference(let inference): inference.patient
            case .refusal(let refusal): refusal.patient
            default: nil
            }
        return patient.map(erased.contains) ?? false
    }
}
