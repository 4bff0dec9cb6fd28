import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("Merkle tree (RFC 6962)")
struct MerkleTreeTests {
    // The inputs and roots of Certificate Transparency's reference implementation (merkle_tree_test.cc).
    private static let leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ].map { MerkleTree.leafHash(Hexadecimal.decode($0)!) }

    private static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("the published roots of small trees")
    func publishedRoots() {
        var range = CompactRange()
        #expect(range.root?.hexadecimal == Self.roots[0])
        for (index, leaf) in Self.leaves.enumerated() {
            range.append(leaf)
            #expect(range.root?.hexadecimal == Self.roots[index + 1])
        }
    }

    @Test("the published proofs of inclusion and consistency")
    func publishedProofs() throws {
        let tree = NaiveTree(leaves: Self.leaves)
        func inclusion(_ index: Int, _ size: Int) throws -> [String] {
            try InclusionProof(index: index, treeSize: size, from: tree).hashes.map(\.hexadecimal)
        }
        func consistency(_ old: Int, _ new: Int) throws -> [String] {
            try ConsistencyProof(oldSize: old, newSize: new, from: tree).hashes.map(\.hexadecimal)
        }
        let b = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
        #expect(try inclusion(0, 1).isEmpty)
        #expect(
            try inclusion(0, 8) == [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", b,
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ])
        #expect(
            try inclusion(5, 8) == [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ])
        #expect(try inclusion(2, 3) == ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"])
        #expect(
            try consistency(6, 8) == [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ])
        #expect(try consistency(2, 5) == [b, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"])
        #expect(try consistency(1, 1).isEmpty)
    }

    @Test("every tree of up to some hundred leaves: root, proofs of each leaf and from each older tree")
    func againstNaiveTree() throws {
        let largest = Drill.rounds(short: 140, long: 600)
        let leaves = (0..<largest).map { MerkleTree.leafHash(Array("entry \($0)".utf8)) }
        let tree = NaiveTree(leaves: leaves)
        let roots = (0...largest).map { tree.naiveHash(0..<$0) }
        var range = CompactRange()
        for size in 0...largest {
            #expect(range.root == roots[size])
            #expect(try tree.root(size: size) == roots[size])
            for index in 0..<size {
                let proof = try InclusionProof(index: index, treeSize: size, from: tree)
                #expect(proof.hashes == tree.naivePath(index, 0..<size))
                try proof.verify(leaf: leaves[index], root: roots[size])
            }
            for old in 1..<max(size + 1, 2) where old <= size {
                let proof = try ConsistencyProof(oldSize: old, newSize: size, from: tree)
                #expect(proof.hashes == tree.naiveProof(old, 0..<size, isWhole: true))
                try proof.verify(oldRoot: roots[old], newRoot: roots[size])
                if old < size {
                    #expect(throws: LedgerError.self) {
                        try proof.verify(oldRoot: roots[old - 1], newRoot: roots[size])
                    }
                }
            }
            if size < largest { range.append(leaves[size]) }
        }
    }

    @Test("a proof with any hash changed, missing or added, or for another place, fails")
    func damagedProofs() throws {
        let tree = NaiveTree(leaves: (0..<21).map { MerkleTree.leafHash([UInt8($0)]) })
        for size in 2...21 {
            let root = try tree.root(size: size)
            for index in 0..<size {
                let proof = try InclusionProof(index: index, treeSize: size, from: tree)
                for damaged in damaged(proof.hashes) {
                    #expect(throws: LedgerError.self) {
                        try InclusionProof(index: index, treeSize: size, hashes: damaged)
                            .verify(leaf: tree.leaves[index], root: root)
                    }
                }
                for other in [-1, size, Int.max] + (0..<size).filter({ $0 != index }) {
                    #expect(throws: LedgerError.self) {
                        try InclusionProof(index: other, treeSize: size, hashes: proof.hashes)
                            .verify(leaf: tree.leaves[index], root: root)
                    }
                }
            }
            for old in 1..<size {
                let proof = try ConsistencyProof(oldSize: old, newSize: size, from: tree)
                let oldRoot = try tree.root(size: old)
                for damaged in damaged(proof.hashes) {
                    #expect(throws: LedgerError.self) {
                        try ConsistencyProof(oldSize: old, newSize: size, hashes: damaged)
                            .verify(oldRoot: oldRoot, newRoot: root)
                    }
                }
            }
        }
    }

    private func damaged(_ hashes: [MerkleHash]) -> [[MerkleHash]] {
        var results = [hashes + [MerkleTree.emptyRoot], [MerkleTree.emptyRoot] + hashes]
        for index in hashes.indices {
            var bytes = hashes[index].bytes
            bytes[31] ^= 1
            var changed = hashes
            changed[index] = MerkleHash(bytes)!
            var shorter = hashes
            shorter.remove(at: index)
            results += [changed, shorter]
        }
        return results
    }

    @Test("ranges that meet merge to the range of both; others do not")
    func merging() throws {
        let leaves = (0..<70).map { MerkleTree.leafHash([UInt8($0)]) }
        func range(_ bounds: Range<Int>) -> CompactRange {
            var range = CompactRange(begin: bounds.lowerBound)
            for leaf in leaves[bounds] { range.append(leaf) }
            return range
        }
        for end in 0...70 {
            for begin in stride(from: 0, through: end, by: 3) {
                for middle in stride(from: begin, through: end, by: 5) {
                    var merged = range(begin..<middle)
                    try merged.append(range(middle..<end))
                    #expect(merged == range(begin..<end))
                }
            }
        }
        var gap = range(0..<5)
        #expect(throws: LedgerError.self) { try gap.append(range(6..<8)) }
        #expect(range(1..<4).root == nil)
    }

    @Test("vectors of transparency-dev/merkle: inclusion", .needsSharedData)
    func inclusionVectors() throws {
        let vectors = try MerkleVector.all(in: "inclusion")
        #expect(vectors.count == 98)
        for vector in vectors {
            let verified = try verifies {
                guard let index = vector.leafIdx.flatMap({ Int(exactly: $0) }) else {
                    throw LedgerError(.outsideTree, "beyond 63 bits, which every reader of proofs refuses")
                }
                let proof = InclusionProof(index: index, treeSize: try #require(vector.treeSize), hashes: vector.hashes)
                guard let leaf = MerkleHash(base64: vector.leafHash ?? ""),
                    let root = MerkleHash(base64: vector.root ?? "")
                else { throw LedgerError(.malformedProof, "not 32 bytes, which every reader of proofs refuses") }
                try proof.verify(leaf: leaf, root: root)
            }
            #expect(verified == !vector.wantErr, "\(vector.path)")
        }
    }

    @Test("vectors of transparency-dev/merkle: consistency", .needsSharedData)
    func consistencyVectors() throws {
        let vectors = try MerkleVector.all(in: "consistency")
        #expect(vectors.count == 98)
        for vector in vectors {
            let verified = try verifies {
                let proof = ConsistencyProof(
                    oldSize: try #require(vector.size1), newSize: try #require(vector.size2), hashes: vector.hashes)
                try proof.verify(oldRoot: MerkleVector.hash(vector.root1), newRoot: MerkleVector.hash(vector.root2))
            }
            #expect(verified == !vector.wantErr, "\(vector.path)")
        }
    }

    private func verifies(_ body: () throws -> Void) throws -> Bool {
        do {
            try body()
            return true
        } catch is LedgerError {
            return false
        }
    }
}
