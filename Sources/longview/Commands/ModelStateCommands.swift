import ArgumentParser
import Foundation
import Inference
import Scoring
import Store

/// Which model is meant, and why its state changes.
struct ModelStateOptions: ParsableArguments {
    @Argument(help: "NAME or NAME@VERSION.")
    var model: String

    @Option(help: "Why; kept with the change.")
    var reason: String?

    /// Changes the state and says what came of it.
    func change(to state: ModelState, verifying: Bool) async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        let model = try await store.model(named: self.model)
        // What is going to score must be what was registered, and compute what it computed then.
        if verifying { _ = try await LoadedModel.load(model, settings: settings, threads: nil) }
        let outcome = try await store.setState(state, of: model, reason: reason)
        await store.close()
        switch outcome {
        case .unchanged: Console.out("\(model.reference)  \(state.rawValue) before")
        case .changed(let replaced):
            Console.out("\(model.reference)  \(state.rawValue)")
            if let replaced {
                Console.note(
                    "\(replaced.reference) is inactive now; to go back: longview model activate \(replaced.reference)")
            }
        }
    }
}

struct ModelActivate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate", abstract: "Use a model from now on, instead of other versions of its name.",
        discussion: "Its golden vectors are computed first. Activating the version before is the way back.")

    @OptionGroup var options: ModelStateOptions

    func run() async throws { try await options.change(to: .active, verifying: true) }
}

struct ModelShadow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shadow", abstract: "Score what is received with a model too, without showing its scores.",
        discussion: """
            Its golden vectors are computed first. Its scores are kept apart from results: no query for scores returns \
            them. Workers turn to a shadow when they have nothing else to do.
            """)

    @OptionGroup var options: ModelStateOptions

    func run() async throws { try await options.change(to: .shadow, verifying: true) }
}

struct ModelRetire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Use a model no more; its records and its package remain.")

    @OptionGroup var options: ModelStateOptions

    func run() async throws { try await options.change(to: .retired, verifying: false) }
}

struct ModelExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Copy a registered model's package into a folder.")

    @Argument(help: "NAME or NAME@VERSION.")
    var model: String

    @Option(help: "The folder to make.", completion: .directory)
    var output: String

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        let model = try await store.model(named: model)
        await store.close()
        let package = try await LoadedModel.load(model, settings: settings, threads: nil).package
        let target = URL(fileURLWithPath: output, isDirectory: true)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw Failure("\(output) is there already; name a folder that isn't")
        }
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        for name in [ModelPackage.descriptionFile, ModelPackage.weightsFile] {
            try FileManager.default.copyItem(
                at: package.folder.appendingPathComponent(name), to: target.appendingPathComponent(name))
        }
        Console.out("\(model.reference)  \(package.digest)  \(target.path)")
    }
}
