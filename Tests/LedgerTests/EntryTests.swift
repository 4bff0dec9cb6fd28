import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("Entries")
struct EntryTests {
    private static let fixtures = Repository.root.appendingPathComponent("Tests/LedgerTests/Fixtures/entries")

    @Test("the bytes of each type are those of the golden file", arguments: EntrySamples.types, [true, false])
    func goldenFiles(type: EntryType, isFull: Bool) throws {
        let entry = try EntrySamples.entry(type, isFull: isFull)
        let bytes = try entry.canonicalBytes()
        let name = type.rawValue + (isFull ? "" : ".minimal") + ".json"
        let golden = [UInt8](try Data(contentsOf: Self.fixtures.appendingPathComponent(name)))
        #expect(bytes == golden, "\(name)")
        #expect(try Entry(canonicalBytes: golden) == entry)
        #expect(bytes.withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) })
    }

    @Test("there is a golden file of each type, and no other")
    func goldenFilesExist() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.fixtures.path)
        #expect(
            Set(names) == Set(EntrySamples.types.flatMap { ["\($0.rawValue).json", "\($0.rawValue).minimal.json"] }))
    }

    @Test("members missing, added, misspelt, null or of another kind are refused", arguments: EntrySamples.types)
    func strict(type: EntryType) throws {
        let object = try EntrySamples.entry(type).json()
        func refuses(_ change: (inout JSONObject) -> Void, _ comment: String) throws {
            var changed = object
            change(&changed)
            let bytes = try CanonicalJSON.encode(.object(changed))
            #expect(throws: LedgerError.self, "\(comment)") { try Entry(canonicalBytes: bytes) }
        }
        for member in object.members {
            try refuses({ $0[member.name] = nil }, "without \(member.name)")
            try refuses({ $0[member.name] = .null }, "\(member.name) null")
            try refuses({ $0[member.name] = .integer(17) }, "\(member.name) 17")
            try refuses({ $0[member.name] = .string("?") }, "\(member.name) ?")
        }
        try refuses({ $0["more"] = .bool(true) }, "with more")
        try refuses({ $0["version"] = .integer(2) }, "version 2")
        for name in ["actor", "body", "source"] {
            guard case .object(let inner)? = object[name] else { continue }
            func refusesInner(_ value: JSONValue?, _ member: String) throws {
                var changed = inner
                changed[member] = value
                try refuses({ $0[name] = .object(changed) }, "\(name).\(member)")
            }
            try refusesInner(.string("x"), "more")
            for member in inner.members {
                try refusesInner(.null, member.name)
                if case .string = member.value { try refusesInner(.integer(1), member.name) }
                if case .integer = member.value { try refusesInner(.string("1"), member.name) }
                if case .array = member.value { try refusesInner(.string("1"), member.name) }
            }
        }
    }

    @Test("an entry of a type or version to come is named as unknown, not as damaged")
    func unknown() throws {
        var object = try EntrySamples.entry(.start).json()
        object["type"] = .string("teleport")
        let bytes = try CanonicalJSON.encode(.object(object))
        let error = #expect(throws: LedgerError.self) { try Entry(canonicalBytes: bytes) }
        #expect(error?.code == .unknownEntry)
    }

    @Test("numbers keep their bits: each column of an inference can be compared with its row")
    func inferenceColumns() throws {
        let entry = try EntrySamples.entry(.inference)
        let read = try Entry(canonicalBytes: entry.canonicalBytes())
        guard case .inference(var row) = read.body else {
            Issue.record("not an inference")
            return
        }
        #expect(
            row.logits.map(\.value.bitPattern)
                == [Float(-0.0), 1.5, -3.4028235e38, .leastNonzeroMagnitude].map(\.bitPattern))
        #expect(row.viewRisks.map(\.value) == [0.1, 1.0 / 3])
        #expect(try entry.differences(from: read).isEmpty)
        row.risk = DecimalDouble(row.risk.value.nextUp)
        row.logits[0] = DecimalFloat(0)
        row.category = nil
        row.model.version = "1.0.1"
        var changed = read
        changed.body = .inference(row)
        changed.source.host = "elsewhere"
        #expect(
            try entry.differences(from: changed) == [
                "body.category", "body.logits", "body.model.version", "body.risk", "source.host",
            ])
    }

    @Test("infinite numbers and entries beyond 65,535 bytes are refused")
    func limits() throws {
        var entry = try EntrySamples.entry(.inference)
        guard case .inference(var body) = entry.body else { return }
        body.risk = DecimalDouble(.nan)
        entry.body = .inference(body)
        #expect(throws: LedgerError.self) { try entry.canonicalBytes() }
        body.risk = DecimalDouble(0)
        body.logits = Array(repeating: DecimalFloat(0.12345678), count: 6000)
        entry.body = .inference(body)
        let error = #expect(throws: LedgerError.self) { try entry.canonicalBytes() }
        #expect(error?.code == .entryTooLarge)
    }

    @Test("the largest read that one entry may name fits")
    func largestRead() throws {
        var entry = try EntrySamples.entry(.read)
        guard case .read(var read) = entry.body else { return }
        let count = ReadEntry.maximumRecords
        read.records = Array(repeating: read.records[0], count: count)
        read.patients = Array(repeating: read.patients[0], count: count)
        entry.body = .read(read)
        #expect(try entry.canonicalBytes().count <= CanonicalJSON.maximumBytes)
    }

    @Test("events are coded as DICOM PS3.16, annex D, has them")
    func codes() {
        let published = [
            "110100": "Application Activity", "110103": "DICOM Instances Accessed", "110106": "Export",
            "110107": "Import", "110110": "Patient Record", "110112": "Query", "110113": "Security Alert",
            "110120": "Application Start", "110121": "Application Stop", "110129": "Security Configuration",
            "110131": "Software Configuration",
        ]
        for type in EntryType.allCases {
            #expect(published[type.eventID.value] == type.eventID.meaning)
            if let code = type.eventTypeCode { #expect(published[code.value] == code.meaning) }
            #expect(["C", "R", "U", "D", "E"].contains(type.actionCode))
        }
        #expect(EntryOutcome.majorFailure.indicator == 12)
    }

    @Test(
        "times have one text, and exist",
        arguments: [
            "2026-03-01T09:05:00.000123Z", "2024-02-29T23:59:59.999999Z", "2000-02-29T00:00:00.000000Z",
        ])
    func times(text: String) throws {
        #expect(try EntryTime(text).description == text)
    }

    @Test(
        "other times are refused",
        arguments: [
            "", "2026-03-01T09:05:00Z", "2026-03-01T09:05:00.000Z", "2026-03-01T09:05:00.000123+00:00",
            "2026-03-01 09:05:00.000123Z", "2026-03-01t09:05:00.000123z", "2026-02-29T00:00:00.000000Z",
            "1900-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z",
            "2026-04-31T00:00:00.000000Z", "2026-04-00T00:00:00.000000Z", "2026-03-01T24:00:00.000000Z",
            "2026-03-01T00:60:00.000000Z", "2026-03-01T00:00:60.000000Z", "２026-03-01T09:05:00.000123Z",
        ])
    func malformedTimes(text: String) {
        #expect(throws: LedgerError.self) { try EntryTime(text) }
    }

    @Test("a secret setting's values are not kept")
    func secrets() {
        let setting = ConfigurationEntry.Setting(name: "password", before: "a", after: "b", isSecret: true)
        #expect(setting.before == nil)
        #expect(setting.after == nil)
    }

    @Test(
        "members are called by the property's name in snake case",
        arguments: [
            ("inferenceID", "inference_id"), ("sopClassUID", "sop_class_uid"), ("gateSHA256", "gate_sha256"),
            ("callingAETitle", "calling_ae_title"), ("sha256", "sha256"), ("decodeMS", "decode_ms"), ("id", "id"),
        ])
    func snakeCase(property: String, name: String) {
        #expect(SnakeCase.name(of: property) == name)
    }
}
