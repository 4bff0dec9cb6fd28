import ArgumentParser

@main
struct Longview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longview",
        abstract: "Scores chest radiographs for long-term risk, and keeps a record of every score.",
        discussion: """
            Settings: LONGVIEW_HOME (data folder; default ~/.local/share/longview), DATABASE_URL or PG* (a database \
            other than the private one), LONGVIEW_KERNELS (auto, avx512, avx2, portable), LONGVIEW_THREADS.
            Exit status: 0 all done, 1 failed, 2 done but some objects were refused or failed, 3 verification found a \
            mismatch, 4 not permitted, 64 bad usage.
            """,
        version: Program.version,
        subcommands: [
            Score.self, Scores.self, Show.self, ReplayCommand.self, ModelCommands.self, DatabaseCommands.self,
            AuditCommands.self, WitnessCommand.self, Publish.self, EraseCommand.self, Send.self, Serve.self,
            Receive.self,
            Work.self, Watch.self,
            QueueCommands.self, DICOMCommands.self,
            Doctor.self, DemoData.self, Bench.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.exit(with: error)
        }
    }
}
