import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("Projections of entries")
struct ProjectionTests {
    private static let origin = TestKeys.log.verifier.name

    private static var closed: EntryProjection { EntryProjection(origin: origin) }

    /// Opens what the samples commit to, as an exporter with the right to see it does.
    private static func opened() throws -> EntryProjection {
        let openings = Dictionary(uniqueKeysWithValues: try EntrySamples.openings().map { ($0.commitment, $0) })
        return EntryProjection(origin: origin) { openings[$0] }
    }

    private static func write(_ format: ProjectionFormat, _ projection: EntryProjection) throws -> [String] {
        var files = [[UInt8]](repeating: [], count: format.fileNames.count)
        let writer = try ProjectionWriter(format, projection: projection) { files[$0] += $1 }
        for (index, entry) in try EntrySamples.all().enumerated() {
            try writer.write(try entry.canonicalBytes(), index: index)
        }
        try writer.finish()
        return files.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A folder of the test's own.
    private static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longview-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test("every audit message is valid by the schema of PS3.15 A.5", .needs("xmllint"), arguments: [true, false])
    func auditMessages(isOpened: Bool) throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let projection = isOpened ? try Self.opened() : Self.closed
        var files: [String] = []
        for (index, var entry) in try EntrySamples.all().enumerated() {
            // What a name must not be able to do to the message.
            entry.actor.id = "<\"O'Brien & Söhne\">\t\u{1}\n]]>"
            let file = folder.appendingPathComponent("\(index).xml")
            try projection.auditMessage(entry, index: index, leaf: MerkleTree.emptyRoot)
                .write(to: file, atomically: false, encoding: .utf8)
            files.append(file.path)
        }
        let schema = Repository.root.appendingPathComponent("Tests/LedgerTests/Fixtures/audit-message.rng").path
        let run = try #require(ExternalProgram("xmllint")).run(["--noout", "--relaxng", schema] + files)
        #expect(run.status == 0, "\(run.output)")
        let user = try #require(ExternalProgram("xmllint"))
            .run(["--xpath", "string(/AuditMessage/ActiveParticipant[1]/@UserID)", files[0]])
        #expect(user.output == "<\"O'Brien & Söhne\">\t\u{FFFD}\n]]>\n")
    }

    @Test("the schema refuses what A.5 does not have, so that it is a check", .needs("xmllint"))
    func schemaRefuses() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let good = try Self.closed.auditMessage(
            EntrySamples.entry(.read), index: 0, leaf: MerkleTree.emptyRoot)
        for (old, new) in [
            ("EventOutcomeIndicator=\"0\"", "EventOutcomeIndicator=\"1\""), ("csd-code=\"110112\"", ""),
            ("<AuditSourceIdentification", "<AuditSource"), ("<EventID", "<EventTypeCode"),
            (" UserIsRequestor=\"true\"", ""),
        ] {
            let file = folder.appendingPathComponent("bad.xml")
            let bad = good.replacing(old, with: new)
            #expect(bad != good)
            try bad.write(to: file, atomically: false, encoding: .utf8)
            let schema = Repository.root.appendingPathComponent("Tests/LedgerTests/Fixtures/audit-message.rng").path
            let run = try #require(ExternalProgram("xmllint")).run(["--noout", "--relaxng", schema, file.path])
            #expect(run.status != 0, "\(old)")
        }
    }

    @Test("an audit message has the codes of docs/audit.md's table")
    func codes() throws {
        for entry in try EntrySamples.all() {
            let text = try Self.closed.auditMessage(entry, index: 7, leaf: MerkleTree.emptyRoot)
            #expect(text.contains("<EventID csd-code=\"\(entry.type.eventID.value)\" codeSystemName=\"DCM\""))
            #expect(text.contains("EventActionCode=\"\(entry.type.actionCode)\""))
            #expect(text.contains("EventOutcomeIndicator=\"\(entry.outcome.indicator)\""))
            #expect(text.contains("UserID=\"\(entry.actor.id)\""))
            #expect(text.contains("ParticipantObjectID=\"\(Self.origin)#7\""))
            if let code = entry.type.eventTypeCode { #expect(text.contains("csd-code=\"\(code.value)\"")) }
        }
    }

    @Test("a patient is a commitment until it is opened, in every form")
    func openings() throws {
        let opened = try Self.opened()
        for format in ProjectionFormat.allCases where format != .ndjson {
            let closedText = try Self.write(format, Self.closed).joined()
            let openText = try Self.write(format, opened).joined()
            let patient = try EntrySamples.openings()[0]
            #expect(closedText.contains(patient.commitment.hash.hexadecimal), "\(format)")
            #expect(!closedText.contains("P-1"), "\(format)")
            #expect(openText.contains("P-1"), "\(format)")
        }
        let message = try opened.auditMessage(EntrySamples.entry(.inference), index: 0, leaf: MerkleTree.emptyRoot)
        #expect(message.contains("ParticipantObjectID=\"P-1^^^GH\""))
        #expect(message.contains("<Accession Number=\"A1\"/>"))
        #expect(message.contains("<Instance UID=\"1.2.840.99999.1\"/>"))
    }

    @Test("an opening that does not open its commitment is refused")
    func wrongOpening() throws {
        let other = try CommitmentOpening(patientID: "P-2", issuer: "GH", salt: [UInt8](repeating: 0, count: 32))
        let projection = EntryProjection(origin: Self.origin) { _ in other }
        #expect(throws: LedgerError.self) {
            try projection.auditEvent(EntrySamples.entry(.erasure), index: 0, leaf: MerkleTree.emptyRoot)
        }
    }

    @Test("an HL7 delimiter in a patient ID does not end it")
    func patientText() throws {
        let salt = [UInt8](repeating: 0, count: 32)
        let opening = try CommitmentOpening(patientID: "A^B&C", issuer: "X|\\", salt: salt)
        #expect(opening.text == "A\\S\\B\\T\\C^^^X\\F\\\\E\\")
        #expect(try CommitmentOpening(patientID: "7", issuer: nil, salt: salt).text == "7")
    }

    @Test("a risk is a percentage in FHIR, with its own digits")
    func percentage() throws {
        for (risk, percentage) in [(0.28, 28.0), (0.275, 27.5), (0, 0), (1, 100), (1e-7, 1e-5), (1.5e-7, 1.5e-5)] {
            #expect(try EntryProjection.percentage(DecimalDouble(risk)) == percentage)
        }
        let assessment = try #require(try Self.closed.riskAssessment(EntrySamples.entry(.inference), index: 3))
        let text = String(decoding: try CanonicalJSON.encode(.object(assessment)), as: UTF8.self)
        #expect(text.contains("\"prediction\":[{\"probabilityDecimal\":27.5,\"qualitativeRisk\":{\"text\":\"high\"}}]"))
        #expect(try Self.closed.riskAssessment(EntrySamples.entry(.replay), index: 3) == nil)
    }

    @Test(
        "FHIR resources are valid R4B by fhir.resources",
        .enabled(
            if: PythonPackages.interpreter(importing: "fhir.resources") != nil,
            "needs Python with fhir.resources, named by LONGVIEW_PYTHON"),
        arguments: [true, false])
    func fhirResources(isOpened: Bool) throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = try Self.write(.fhir, isOpened ? Self.opened() : Self.closed)
        var paths: [String] = []
        for (name, text) in zip(ProjectionFormat.fhir.fileNames, files) {
            let file = folder.appendingPathComponent(name)
            try text.write(to: file, atomically: false, encoding: .utf8)
            paths.append(file.path)
        }
        let script = """
            import json, sys
            from fhir.resources.R4B.auditevent import AuditEvent
            from fhir.resources.R4B.riskassessment import RiskAssessment
            count = 0
            for path in sys.argv[1:]:
                for line in open(path):
                    kind = json.loads(line)["resourceType"]
                    {"AuditEvent": AuditEvent, "RiskAssessment": RiskAssessment}[kind].model_validate_json(line)
                    count += 1
            print(count)
            """
        let run = try #require(PythonPackages.interpreter(importing: "fhir.resources")).run(["-c", script] + paths)
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output == "\(EntryType.allCases.count * 2 + 2)\n")
    }

    @Test("a spreadsheet gets text where a cell would be a formula, and RFC 4180's quotes")
    func cells() {
        for (text, cell) in [
            ("=1+1", "'=1+1"), ("+41", "'+41"), ("-5", "'-5"), ("@x", "'@x"), ("\tx", "'\tx"), ("a=b", "a=b"),
            ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("=a\nb", "\"'=a\nb\""), ("", ""),
        ] { #expect(EntryTable.cell(text) == cell) }
    }

    @Test("a table has a row for each entry and a cell for each column, as Python's reader sees it", .needs("python3"))
    func table() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("entries.csv")
        try Self.write(.csv, Self.closed)[0].write(to: file, atomically: false, encoding: .utf8)
        let script = """
            import csv, json, sys
            rows = list(csv.DictReader(open(sys.argv[1], newline="")))
            assert all(None not in row and None not in row.values() for row in rows)
            print(len(rows), json.loads(rows[4]["body"])["risk"], rows[4]["risk"], rows[4]["type"])
            """
        let run = try #require(ExternalProgram("python3")).run(["-c", script, file.path])
        #expect(run.output == "\(EntryType.allCases.count * 2) 0.275 0.275 inference\n")
    }

    @Test("a line of NDJSON holds the entry's own bytes")
    func lines() throws {
        let lines = try Self.write(.ndjson, Self.closed)[0].split(separator: "\n")
        for (index, (line, entry)) in zip(lines, try EntrySamples.all()).enumerated() {
            let text = String(decoding: try entry.canonicalBytes(), as: UTF8.self)
            let leaf = MerkleTree.leafHash(Array(text.utf8)).hexadecimal
            #expect(line == "{\"entry\":\(text),\"index\":\(index),\"leaf_hash\":\"\(leaf)\"}")
        }
    }
}
