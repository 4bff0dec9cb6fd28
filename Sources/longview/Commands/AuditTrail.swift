import ArgumentParser
import Foundation
import Ledger
import Postgres
import Store

/// What the trail's queries have in common.
struct TrailOptions: ParsableArguments {
    @Option(help: "Recorded at or after: a date or a time.")
    var since: Moment?

    @Option(help: "Recorded before: a date or a time.")
    var until: Moment?

    @Option(help: "At most so many, the newest first.")
    var limit = 50

    @Option(help: "Why you look, as a code of HL7's PurposeOfUse, which is recorded.")
    var purpose = "HQUALMGT"

    @OptionGroup var output: OutputOptions

    func query() -> TrailQuery {
        var query = TrailQuery(limit: limit)
        query.since = since?.timestamp
        query.until = until?.timestamp
        return query
    }

    /// Prints entries: as they are hashed with --json, else a table.
    func show(_ entries: [PlacedEntry]) throws {
        if output.json {
            for placed in entries {
                let text = String(decoding: placed.bytes, as: UTF8.self)
                Console.out("{\"index\":\(placed.index),\"entry\":\(text)}")
            }
            return
        }
        var table = Table(["INDEX", "TIME", "WHO", "ROLE", "WHAT", "OUTCOME", "DETAILS"])
        for placed in entries {
            let entry = placed.entry
            let who = entry.actor.alternativeID.map { "\(entry.actor.id) (\($0))" } ?? entry.actor.id
            table.add([
                String(placed.index), Timestamp(rfc3339: entry.time.description).map(output.time) ?? "", who,
                entry.actor.role ?? "", entry.type.rawValue, entry.outcome.rawValue, entry.details,
            ])
        }
        for line in output.csv ? table.csv : table.lines { Console.out(line) }
        if entries.isEmpty { Console.note("no entry matches") }
        if entries.count == limit { Console.note("the newest \(limit); --limit shows more") }
    }
}

extension Entry {
    /// What the entry is about, in a few words.
    fileprivate var details: String {
        switch body {
        case .intake(let body): "\(body.kind) by \(body.via.rawValue)\(body.isDuplicate ? ", again" : "")"
        case .refusal(let body): "\(body.code) (\(body.stage))"
        case .inference(let body): "\(body.model.name)@\(body.model.version) \(body.category ?? "") \(body.inferenceID)"
        case .replay(let body): (body.isMatch ? "equal " : "DIFFERENT ") + body.inferenceID
        case .modelImport(let body), .modelActivate(let body), .modelShadow(let body), .modelRetire(let body):
            "\(body.model.name)@\(body.model.version)"
        case .configurationChange(let body): body.settings.map(\.name).joined(separator: ", ")
        case .read(let body):
            "\(body.question), \(body.isGranted ? "\(body.recordCount) records" : body.denial ?? "denied"), \(body.purpose)"
        case .review(let body): body.inferenceID
        case .report(let body): "\(body.format) \(body.inferenceID)"
        case .export(let body): "\(body.entryCount) entries, \(body.purpose)"
        case .erasure(let body): "\(body.inferenceCount) inferences, \(body.reason)"
        case .keyRotation(let body):
            [body.introduced.map { "+ \($0)" }, body.retired.map { "- \($0)" }].compactMap(\.self).joined(
                separator: " ")
        case .start(let body): body.component
        case .stop(let body): "\(body.component), \(body.reason)"
        case .migration(let body): body.name
        }
    }
}

struct AuditLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "What was done, by whom, the newest first. Asking is itself recorded.")

    @Option(help: "About this patient ID.")
    var patient: String?

    @Option(help: "By this user: the name at the database.")
    var user: String?

    @Option(help: "Only this kind: inference, read, model_activate…")
    var action: String?

    @OptionGroup var options: TrailOptions

    func validate() throws {
        if let action, EntryType(rawValue: action) == nil {
            throw ValidationError(
                "there is no action \(action); one of \(EntryType.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() async throws {
        let reads = try await Settings().openReads(as: .auditor, purpose: options.purpose)
        var query = options.query()
        query.patientID = patient
        query.actor = user
        query.type = action.flatMap(EntryType.init)
        let entries = try await reads.entries(query)
        await reads.close()
        try options.show(entries)
    }
}

struct AuditWhoViewed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "who-viewed", abstract: "Who looked at a patient's scores, or asked in vain.")

    @Option(help: "The patient ID.")
    var patient: String

    @OptionGroup var options: TrailOptions

    func run() async throws {
        let reads = try await Settings().openReads(as: .auditor, purpose: options.purpose)
        var query = options.query()
        query.patientID = patient
        let entries = try await reads.whoViewed(query)
        await reads.close()
        try options.show(entries)
    }
}

struct AuditStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Where the ledger stands.",
        discussion: "Exit status 3 where publication has stopped with an alarm.")

    @Flag(help: "One JSON object.")
    var json = false

    private struct Output: Encodable {
        let size, waiting, rejected: Int
        let checkpoint_size: Int?
        let checkpoint_time, alarm, alarm_time: String?
    }

    func run() async throws {
        let reads = try await Settings().openReads(as: .auditor, purpose: "HQUALMGT")
        let status = try await reads.ledgerStatus()
        await reads.close()
        if json {
            Console.out(
                try JSONLine.text(
                    Output(
                        size: status.size, waiting: status.waiting, rejected: status.rejected,
                        checkpoint_size: status.checkpointSize, checkpoint_time: status.checkpointTime?.description,
                        alarm: status.alarm, alarm_time: status.alarmTime?.description)))
        } else {
            Console.out("entries     \(status.size), \(status.waiting) waiting, \(status.rejected) put aside")
            Console.out(
                "checkpoint  "
                    + (status.checkpointSize.map { "\($0) entries, \(status.checkpointTime?.description ?? "")" }
                        ?? "none yet"))
            if let alarm = status.alarm {
                Console.out("ALARM       \(alarm)  (\(status.alarmTime?.description ?? ""))")
            }
        }
        if status.alarm != nil || status.rejected > 0 { throw ExitCode.mismatch }
    }
}

struct AuditRotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-key", abstract: "Make another key the one that signs, with a record of it.",
        discussion: """
            Put the new private key in place of the old (LONGVIEW_LEDGER_KEY) before the publisher runs again, and give \
            its verifier key to whoever verifies.
            """)

    @Option(help: "The new key's verifier key, as `audit keygen` printed it; the same name as before.")
    var to: String

    @Option(help: "Why: scheduled, compromised, or words without personal data.")
    var reason = "scheduled"

    func run() async throws {
        let store = try await Settings().openStore()
        try await store.introduce(NoteVerifier(to), reason: reason)
        try await LedgerSequencer(store).drain()
        await store.close()
        Console.out("introduced  \(to)")
    }
}
