import Foundation
import TestSupport

@testable import Ledger

/// A file of the transparency-dev/merkle test data.
struct MerkleVector: Decodable {
    var leafIdx: UInt64?
    var treeSize: Int?
    var leafHash: String?
    var root: String?
    var size1: Int?
    var size2: Int?
    var root1: String?
    var root2: String?
    var proof: [String]?
    var wantErr: Bool
    var path = ""

    private enum CodingKeys: CodingKey {
        case leafIdx, treeSize, leafHash, root, size1, size2, root1, root2, proof, wantErr
    }

    /// Every vector below the folder.
    static func all(in folder: String) throws -> [MerkleVector] {
        let root = SharedData.url("data/merkle-vectors/\(folder)")
        let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".json") }.sorted().map { path in
            var vector = try JSONDecoder().decode(Self.self, from: Data(contentsOf: root.appendingPathComponent(path)))
            vector.path = path
            return vector
        }
    }

    /// The proof's hashes.
    var hashes: [MerkleHash] { (proof ?? []).map(Self.hash) }

    /// A hash of the file. Some vectors have a text like "don't care" or nothing in its place; a digest of that is as
    /// different from the true hash, and equal where the texts are.
    static func hash(_ text: String?) -> MerkleHash {
        MerkleHash(base64: text ?? "") ?? MerkleTree.leafHash(Array((text ?? "").utf8))
    }
}
