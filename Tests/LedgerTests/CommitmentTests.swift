import Crypto
import Testing

@testable import Ledger

@Suite("Commitments")
struct CommitmentTests {
    private let salt = (0..<32).map { UInt8($0) }

    @Test("the bytes that are hashed are label, NUL, salt, value")
    func encoding() throws {
        let opening = try CommitmentOpening(patientID: "12", issuer: "GH", salt: salt)
        let hashed = Array("longview/v1/patient".utf8) + [0] + salt + [0x47, 0x48, 0x00, 0x31, 0x32]
        #expect(opening.commitment.hash == MerkleHash(Array(SHA256.hash(data: hashed))))
        let digest = MerkleTree.emptyRoot
        let object = try CommitmentOpening(domain: .objectDigest, salt: salt, digest: digest)
        let objectHashed = Array("longview/v1/object-sha256".utf8) + [0] + salt + digest.bytes
        #expect(object.commitment.hash == MerkleHash(Array(SHA256.hash(data: objectHashed))))
    }

    @Test("only its own salt, value and domain open a commitment")
    func openings() throws {
        let opening = try CommitmentOpening(domain: .sopInstanceUID, salt: salt, text: "1.2.3")
        #expect(opening.opens(opening.commitment))
        for other in [
            try CommitmentOpening(domain: .sopInstanceUID, salt: salt, text: "1.2.30"),
            try CommitmentOpening(domain: .studyInstanceUID, salt: salt, text: "1.2.3"),
            try CommitmentOpening(domain: .sopInstanceUID, salt: salt.reversed(), text: "1.2.3"),
        ] {
            #expect(!other.opens(opening.commitment))
        }
        // No value runs over into its neighbour.
        let one = try CommitmentOpening(patientID: "12", issuer: "3", salt: salt)
        let other = try CommitmentOpening(patientID: "2", issuer: "31", salt: salt)
        #expect(one.commitment != other.commitment)
        #expect(
            try CommitmentOpening(patientID: "1", issuer: nil, salt: salt)
                == CommitmentOpening(patientID: "1", issuer: "", salt: salt))
    }

    @Test("salts of another length, and a NUL in an identity, are refused")
    func malformed() {
        for count in [0, 16, 31, 33] {
            #expect(throws: LedgerError.self) {
                try CommitmentOpening(domain: .patient, salt: [UInt8](repeating: 1, count: count), text: "1")
            }
        }
        #expect(throws: LedgerError.self) { try CommitmentOpening(patientID: "1\u{0}2", issuer: nil, salt: salt) }
        #expect(throws: LedgerError.self) { try CommitmentOpening(patientID: "1", issuer: "a\u{0}", salt: salt) }
    }
}
