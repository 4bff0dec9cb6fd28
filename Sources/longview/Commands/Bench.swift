import ArgumentParser

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine: medians, with what gives them.",
        subcommands: [BenchModel.self, BenchPipeline.self, BenchLedger.self, BenchQueue.self])
}
