public import ArgumentParser
import Foundation
import Postgres
import Store

struct QueueCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "What waits to be scored, what is being scored, and what could not be.",
        subcommands: [QueueStatusCommand.self, QueueList.self, QueueShow.self, QueueRetry.self, QueueCancel.self])
}

struct QueueStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "How the queue stands.")

    @Flag(help: "One JSON object.")
    var json = false

    private struct Entry: Encodable {
        var waiting_stat, waiting_normal, pausing, leased, rendered, dead, without_model: Int
        var oldest_waiting_seconds: Double?
        var conflicts, done_last_hour, refused_last_hour: Int
        var workers: [String: Int]
    }

    func run() async throws {
        let store = try await Settings().openStore()
        let status = try await store.queueStatus()
        await store.close()
        guard !json else {
            return Console.out(
                try JSONLine.text(
                    Entry(
                        waiting_stat: status.waitingSTAT, waiting_normal: status.waitingNormal,
                        pausing: status.pausing, leased: status.leased, rendered: status.rendered, dead: status.dead,
                        without_model: status.withoutModel, oldest_waiting_seconds: status.oldestWaitingSeconds,
                        conflicts: status.conflicts, done_last_hour: status.doneLastHour,
                        refused_last_hour: status.refusedLastHour, workers: status.workers)))
        }
        var text = Sections()
        text.section("Queue")
        text.add("waiting", "\(status.waitingSTAT) STAT, \(status.waitingNormal) normal")
        text.add("oldest", status.oldestWaitingSeconds.map { "\($0.formatted(decimals: 1)) s" })
        text.add("pausing", "\(status.pausing) that failed, until their next attempt")
        if status.rendered > 0 { text.add("rendered", "\(status.rendered) of these, to be scored anywhere") }
        text.add("in work", "\(status.leased)")
        text.add("dead", "\(status.dead)" + (status.dead > 0 ? ": longview queue list --state dead tells why" : ""))
        if status.withoutModel > 0 {
            text.add("without model", "\(status.withoutModel) wait until one is active: longview model activate")
        }
        if status.conflicts > 0 {
            text.add(
                "conflicts", "\(status.conflicts) objects held back, as other bytes have their SOP Instance UID")
        }
        text.section("Last hour")
        text.add("scored", "\(status.doneLastHour)")
        text.add("refused", "\(status.refusedLastHour)")
        if !status.workers.isEmpty { text.section("Workers") }
        for (worker, jobs) in status.workers.sorted(by: { $0.key < $1.key }) { text.add(worker, "\(jobs) jobs") }
        for line in text.lines { Console.out(line) }
    }
}

struct QueueList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The jobs in the queue, in the order of their turn; or those that ended.")

    @Option(help: "waiting, leased, dead, done, refused or cancelled; the default is all that are in the queue.")
    var state: JobEntry.State?

    @Option(help: "At most so many.")
    var limit = 50

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
    }

    func run() async throws {
        let store = try await Settings().openStore()
        let jobs = try await store.jobs(in: state, limit: limit)
        await store.close()
        guard !output.json else {
            for job in jobs { Console.out(try JSONLine.text(JobLine(job))) }
            return
        }
        var table = Table(["JOB", "STATE", "PRIORITY", "TRIES", "QUEUED", "DUE OR ENDED", "MODEL", "OBJECT", "WHY"])
        for job in jobs {
            table.add([
                "\(job.id)", job.state.rawValue, job.priority.name, "\(job.attempts)", output.time(job.createdAt),
                (job.finishedAt ?? job.leasedUntil ?? job.dueAt).map(output.time) ?? "", job.model ?? "",
                job.objectSHA256, [job.code, job.message].compactMap { $0 }.joined(separator: ": "),
            ])
        }
        for line in output.csv ? table.csv : table.lines { Console.out(line) }
        if jobs.isEmpty { Console.note("there is no such job") }
        if jobs.count == limit { Console.note("the first \(limit); --limit shows more") }
    }
}

struct QueueShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "A job, with every attempt that came to nothing.")

    @Argument(help: "The job's number, as `queue list` prints it.")
    var job: Int64

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let store = try await Settings().openStore()
        let found = try await store.job(job)
        await store.close()
        guard let found else { throw Failure("there is no job \(job); longview queue list shows those there are") }
        let (entry, attempts) = found
        if output.json { return Console.out(try JSONLine.text(JobLine(entry, attempts: attempts))) }
        var text = Sections()
        text.section("Job \(entry.id)")
        text.add("state", entry.state.rawValue + (entry.isShadow ? " (shadow)" : ""))
        text.add("stage", entry.stage?.rawValue)
        text.add("why", [entry.code, entry.message].compactMap { $0 }.joined(separator: ": "))
        text.add("object", entry.objectSHA256)
        text.add("model", entry.model)
        text.add("priority", entry.priority.name)
        text.add("attempts", "\(entry.attempts)")
        text.add("queued", output.time(entry.createdAt))
        text.add("due", entry.state == .waiting ? entry.dueAt.map(output.time) : nil)
        text.add("worker", entry.worker)
        text.add("leased until", entry.leasedUntil.map(output.time))
        text.add("ended", entry.finishedAt.map(output.time))
        text.add("inference", entry.inferenceID?.uuidString.lowercased())
        if !attempts.isEmpty { text.section("Attempts that came to nothing") }
        for attempt in attempts {
            text.add(
                "\(attempt.attempt) \(attempt.outcome)",
                "\(output.time(attempt.endedAt))  \(attempt.worker)  \(attempt.code): \(attempt.message)")
        }
        for line in text.lines { Console.out(line) }
    }
}

struct QueueRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Have jobs tried again at once, with all their attempts.",
        discussion: """
            An object's SHA-256 queues what was held back because of its SOP Instance UID, or cancelled.
            """)

    @Argument(help: "Numbers of jobs, or SHA-256 of objects.")
    var jobs: [String] = []

    @Flag(help: "All dead jobs.")
    var dead = false

    func validate() throws {
        if dead == !jobs.isEmpty { throw ValidationError("name jobs or objects, or give --dead") }
    }

    func run() async throws {
        let store = try await Settings().openStore()
        var missed = 0
        if dead { Console.out("\(try await store.retry(nil)) jobs are tried again") }
        for job in jobs {
            if let id = Int64(job), job.utf8.count < 20 {
                let found = try await store.retry(id) > 0
                Console.out("\(job)  \(found ? "tried again" : "neither waits nor is dead")")
                if !found { missed += 1 }
                continue
            }
            switch try await store.requeue(object: job) {
            case .unknownObject:
                Console.out("\(job)  was never taken in")
                missed += 1
            case .queued(let count):
                Console.out(
                    "\(job)  " + (count > 0 ? "queued" : "nothing to do: every model in use has it or has scored it"))
            }
        }
        await store.close()
        if missed > 0 { throw missed == jobs.count ? ExitCode.failure : ExitCode.partial }
    }
}

struct QueueCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Take jobs out of the queue, also those being scored.")

    @Argument(help: "Numbers of jobs.")
    var jobs: [Int64]

    @Option(help: "Why; kept with the job. No patient's name.")
    var reason: String

    func run() async throws {
        let store = try await Settings().openStore()
        var missed = 0
        for job in jobs {
            let found = try await store.cancel(job, reason: reason)
            Console.out("\(job)  \(found ? "cancelled" : "is not in the queue")")
            if !found { missed += 1 }
        }
        await store.close()
        if missed > 0 { throw missed == jobs.count ? ExitCode.failure : ExitCode.partial }
    }
}

extension JobEntry.State: ExpressibleByArgument {}
extension JobStage: ExpressibleByArgument {}
