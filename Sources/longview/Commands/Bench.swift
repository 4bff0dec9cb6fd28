import ArgumentParser

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine: medians, with what they were measured on.",
        subcommands: [BenchPipeline.self])
}
