import ArgumentParser
import Foundation
import Glibc
import Inference
import Scoring
import Store

struct ModelCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Models: bring one in, list, show, verify, run, choose which is used.",
        subcommands: [
            ModelImport.self, ModelList.self, ModelShow.self, ModelVerify.self, ModelActivate.self,
            ModelShadow.self, ModelRetire.self, ModelExport.self, ModelPredict.self, ModelQuantize.self,
        ])
}

struct ModelImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Verify a model package and register it; or make one of weights from elsewhere.",
        discussion: """
            Golden vectors are computed before anything is registered. A PyTorch checkpoint is read without running any \
            of its code, and must hold the tensors of the network that --card describes or --architecture names, no more \
            and no less. An ONNX file brings its network, and --card says what its results mean.
            """)

    @Argument(
        help: "A package folder, a PyTorch checkpoint (.pth, .pt), a .safetensors or an .onnx file.",
        completion: .file())
    var path: String

    @Option(
        help: "For weights alone: the model.json, or the folder with it, that says what they are.", completion: .file())
    var card: String?

    @Option(
        help: """
            For weights alone, with a card that names no network: cxr-risk, inception-v4 or xception, the last two with \
            the names of Cadene's pretrained-models and of timm.
            """,
        transform: Self.architecture)
    var architecture: Architecture?

    @Option(help: "With --architecture: how many logits there are.")
    var classes = 2

    @Option(help: "For weights alone: the model's name, instead of the card's.")
    var name: String?

    @Option(help: "For weights alone: the model's version, instead of the card's.")
    var version: String?

    func run() async throws {
        let settings = Settings()
        let options = try settings.execution(threads: nil)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure("\(path): there is no such file or folder")
        }
        guard !isFolder.boolValue else {
            guard card == nil, architecture == nil, name == nil, version == nil else {
                throw Failure(
                    "--card, --architecture, --name and --version are for weights alone; a package has its own")
            }
            return try await register(URL(fileURLWithPath: path, isDirectory: true), settings, options)
        }
        guard let card else {
            throw Failure(
                "\(path): weights alone don't say what they are; add --card, for instance --card models/cxr-risk-1")
        }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("longview-import-\(UUID().uuidString)", isDirectory: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        Console.note("making a package of \(path)")
        try ModelPackager.package(
            URL(fileURLWithPath: path), description: try Self.description(card),
            architecture: architecture.map { ($0, classes) },
            changes: ["name": name, "version": version].compactMapValues { $0 }, into: folder, options: options)
        try await register(folder, settings, options)
    }

    private static func architecture(_ name: String) throws -> Architecture {
        guard let architecture = Architecture(rawValue: name) else {
            throw ValidationError(
                "the architecture “\(name)” is unknown; there are "
                    + Architecture.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return architecture
    }

    /// `model.json` at `path`, or in the folder there.
    private static func description(_ path: String) throws -> Data {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = URL(fileURLWithPath: path)
        guard exists,
            let data = try? Data(
                contentsOf: isFolder.boolValue ? file.appendingPathComponent(ModelPackage.descriptionFile) : file)
        else { throw Failure("\(path): there is no model description") }
        return data
    }

    private func register(_ folder: URL, _ settings: Settings, _ options: ExecutionOptions) async throws {
        let model = try await ScoringModel.load(folder, options: options)
        let package = model.package
        let registered = try RegisteredModel(package)
        let store = try await settings.openStore()
        // Kept first: a registered model must have its package here, an unregistered package harms nobody.
        try settings.library.install(package)
        let outcome = try await store.register(registered)
        await store.close()
        switch outcome {
        case .registered: Console.out("\(registered.reference)  \(package.digest)  registered")
        case .alreadyRegistered: Console.out("\(registered.reference)  \(package.digest)  registered before")
        case .taken(let holder):
            throw Failure(
                "\(registered.reference) is taken by the package \(holder); a name and version keep their meaning: "
                    + "give this one another version in its model.json")
        }
    }
}

struct ModelList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The registered models.")

    @OptionGroup var output: OutputOptions

    private struct Entry: Encodable {
        var name, version, state, digest, imported_at, arithmetic: String
        var present: Bool
    }

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        let models = try await store.models()
        await store.close()
        var table = Table(["MODEL", "STATE", "ARITHMETIC", "IMPORTED", "PACKAGE HERE", "DIGEST"])
        for model in models {
            let present = settings.library.contains(digest: model.digest)
            let arithmetic = (try ModelDescription(registered: model).arithmetic ?? .float32).rawValue
            if output.json {
                Console.out(
                    try JSONLine.text(
                        Entry(
                            name: model.name, version: model.version, state: model.state.rawValue,
                            digest: model.digest, imported_at: model.importedAt?.description ?? "",
                            arithmetic: arithmetic, present: present)))
            }
            table.add([
                model.reference, model.state.rawValue, arithmetic, model.importedAt.map(output.time) ?? "",
                present ? "yes" : "no",
                model.digest,
            ])
        }
        guard !output.json else { return }
        for line in output.csv ? table.csv : table.lines { Console.out(line) }
        if models.isEmpty { Console.note("none; run `longview model import models/nih-pneumonia-1`") }
    }
}

struct ModelShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "A model's card: what its score is of, what it is for, how good it is.")

    @Argument(help: "NAME or NAME@VERSION of a registered model, or the folder of a package.")
    var model: String

    @Flag(help: "The description as it is in the package.")
    var json = false

    func run() async throws {
        let text: String
        let description: ModelDescription
        var digest: String?
        if FileManager.default.fileExists(atPath: model) {
            let folder = URL(fileURLWithPath: model, isDirectory: true)
            description = try ModelPackage.describe(folder)
            text = try String(contentsOf: folder.appendingPathComponent(ModelPackage.descriptionFile), encoding: .utf8)
        } else {
            let store = try await Settings().openStore()
            let registered = try await store.model(named: model)
            await store.close()
            description = try ModelDescription(registered: registered)
            (text, digest) = (registered.description, registered.digest)
        }
        if json { return Console.write(text, to: STDOUT_FILENO) }
        for line in lines(description, digest: digest) { Console.out(line) }
    }

    private func lines(_ description: ModelDescription, digest: String?) -> [String] {
        var text = Sections()
        text.section("\(description.name)@\(description.version)")
        text.add("digest", digest)
        text.add("arithmetic", (description.arithmetic ?? .float32).rawValue)
        text.add("endpoint", "risk of " + description.endpoint.text)
        text.section("Categories")
        var lower = "0"
        for category in description.categories.categories {
            text.add(category.name, category.upperBound.map { "\(lower) ≤ risk < \($0)" } ?? "\(lower) ≤ risk")
            lower = category.upperBound.map { "\($0)" } ?? lower
        }
        text.section("Card")
        let card = description.card
        text.add("intended use", card.intendedUse)
        text.add("not for", card.notFor)
        text.add("training data", card.trainingData)
        text.add("evaluation", card.evaluation)
        text.add("limits", card.limits)
        text.add("attribution", card.attribution)
        text.add("licence", card.licence)
        text.add("obtain", card.obtain)
        for reference in card.references { text.add("reference", reference) }
        return text.lines
    }
}

struct ModelVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that packages are as registered, and compute their golden vectors.",
        discussion: "Exit status 3 where one was altered.")

    @Argument(help: "NAME or NAME@VERSION; the default is all.")
    var model: String?

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore()
        let all = try await store.models()
        let chosen = model == nil ? all : [try await store.model(named: model)]
        await store.close()
        var worst = ExitCode.success
        for model in chosen {
            do {
                let loaded = try await LoadedModel.load(model, settings: settings, threads: nil)
                Console.out("\(model.reference)  verified  \(loaded.package.digest)")
            } catch {
                Console.out("\(model.reference)  FAILED  \(error)")
                let mismatch =
                    (error as? Failure)?.status == .mismatch || (error as? InferenceError)?.isMismatch == true
                if mismatch { worst = .mismatch } else if worst == .success { worst = .failure }
            }
        }
        if chosen.isEmpty { Console.note("no model is registered") }
        if worst != .success { throw worst }
    }
}
