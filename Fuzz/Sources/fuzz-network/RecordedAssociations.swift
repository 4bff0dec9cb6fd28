import DICOM
import Foundation

/// Associations as peers have them, to begin from: negotiations, verification, storage in several forms, and ends.
enum RecordedAssociations {
    /// Writes each as an input, in pieces and at once.
    static func write(to folder: URL) throws {
        for (name, bytes) in try requests() {
            for size: UInt8 in [0, 7, 100] {
                try Data([size] + bytes).write(to: folder.appending(path: "\(name)-\(size)"))
            }
        }
        for (name, bytes) in answers() {
            for size: UInt8 in [0, 7] {
                try Data([size | 0x80] + bytes).write(to: folder.appending(path: "answer-\(name)-\(size)"))
            }
        }
    }

    private static let instance = DICOMUID.deterministic(seed: 1, index: 1)

    /// What requestors send.
    private static func requests() throws -> [String: [UInt8]] {
        let dataset = PDU.dataset(of: try file())
        let data = PDU.data(dataset, isCommand: false)
        let store = PDU.storeRequest() + data
        let fragments =
            PDU.data(Array(dataset.prefix(20)), isCommand: false, isLast: false)
            + PDU.data([], isCommand: false, isLast: false) + PDU.data(Array(dataset.dropFirst(20)), isCommand: false)
        let find =
            PDU.command([(0x0100, [0x20, 0]), (0x0110, [1, 0]), (0x0800, [1, 0])]) + PDU.data([1, 2], isCommand: false)
        let start = PDU.associateRequest()
        let end = PDU.releaseRequest
        var recordings = [
            "echo": start + PDU.echoRequest + end,
            "store": start + store + end,
            "fragments": start + PDU.storeRequest() + fragments + PDU.echoRequest + end,
            "many": start + store + PDU.echoRequest + store + end,
            "too-large": start + PDU.storeRequest()
                + PDU.data(dataset + [UInt8](repeating: 0, count: 9000), isCommand: false) + end,
            "other-instance": start + PDU.storeRequest(sopInstance: "1.2.3") + data + end,
            "other-operation": start + find + end,
            "abort": start + PDU.make(7, [0, 0, 0, 0]),
            "stranger": PDU.associateRequest(called: "OTHER"),
            "nameless": PDU.associateRequest(calling: ""),
            "verification": PDU.associateRequest(abstractSyntax: "1.2.840.10008.1.1") + PDU.echoRequest + end,
            "negotiation": PDU.associateRequest(more: userInformation) + end,
            // An identity of no known type.
            "identity": PDU.associateRequest(more: userInformation + PDU.item(0x58, [0x82, 0, 0, 0, 0, 0])) + end,
        ]
        for (syntax, dataset) in try otherDatasets() {
            recordings["syntax-\(syntax)"] =
                PDU.associateRequest(transferSyntax: syntax) + PDU.storeRequest()
                + PDU.data(dataset, isCommand: false) + end
        }
        return recordings
    }

    /// Items of PS3.7 annex D.3: operations window, role selection, extended negotiation, version name, user identity.
    private static let userInformation: [UInt8] = {
        let uid = Array(DICOMUID.computedRadiographyImageStorage.utf8)
        let named = [0, UInt8(uid.count)] + uid
        return PDU.item(0x53, [0, 1, 0, 1]) + PDU.item(0x54, named + [0, 1]) + PDU.item(0x55, Array("PEER_1".utf8))
            + PDU.item(0x56, named + [2, 0, 0, 0]) + PDU.item(0x58, [2, 0, 0, 1, 0x61, 0, 1, 0x62])
    }()

    /// What acceptors answer to who has one object to send.
    private static func answers() -> [String: [UInt8]] {
        let accepted = PDU.associateAccept(maximumLength: 16384)
        let response = PDU.command([
            (0x0100, [1, 0x80]), (0x0120, [1, 0]), (0x0800, [1, 1]), (0x0900, [0, 0]),
        ])
        let failure = PDU.command([
            (0x0100, [1, 0x80]), (0x0120, [1, 0]), (0x0800, [1, 1]), (0x0900, [0, 0xA7]),
            (0x0902, Array("no room ".utf8)),
        ])
        let end = PDU.make(6, [0, 0, 0, 0])
        return [
            "stored": accepted + response + end,
            "failed": accepted + failure + end,
            "small": PDU.associateAccept(maximumLength: 10) + response + end,
            "roles": PDU.associateAccept(maximumLength: 0, more: userInformation) + response + end,
            "not-accepted": PDU.associateAccept(result: 4, maximumLength: 16384) + end,
            "rejected": PDU.make(3, [0, 1, 1, 7]),
            "aborted": accepted + PDU.make(7, [0, 0, 2, 1]),
        ]
    }

    /// A small object.
    static func file() throws -> [UInt8] {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, instance)
        try builder.set(.modality, "CR")
        try builder.setPixels([UInt16](repeating: 7, count: 16), rows: 4, columns: 4, bitsStored: 12)
        return try builder.file()
    }

    /// The identifiers alone in implicit little endian, explicit big endian, and deflated.
    private static func otherDatasets() throws -> [String: [UInt8]] {
        let values = [(UInt8(0x16), DICOMUID.computedRadiographyImageStorage), (0x18, instance)].map { element, uid in
            (element, Array(uid.utf8) + (uid.utf8.count & 1 == 1 ? [0] : []))
        }
        let explicit = PDU.dataset(of: try file())
        let (low, high) = (UInt8(explicit.count & 0xFF), UInt8(explicit.count >> 8))
        return [
            "1.2.840.10008.1.2": values.flatMap { [8, 0, $0, 0, UInt8($1.count), 0, 0, 0] + $1 },
            "1.2.840.10008.1.2.2": values.flatMap { [0, 8, 0, $0, 0x55, 0x49, 0, UInt8($1.count)] + $1 },
            // One stored block of RFC 1951.
            "1.2.840.10008.1.2.1.99": [1, low, high, ~low, ~high] + explicit,
        ]
    }
}
