import Foundation
import Inference
import Scoring
import Store

/// From a registered model to one that scores.
enum LoadedModel {
    /// Loads the package that `model` names from this machine's library.
    static func load(_ model: RegisteredModel, settings: Settings, threads: Int?) async throws -> ScoringModel {
        let library = settings.library
        guard library.contains(digest: model.digest) else {
            throw Failure(
                "the package of \(model.reference) (\(model.digest)) is not in \(library.folder.path); "
                    + "run `longview model import` with its folder on this machine")
        }
        let options = try settings.execution(threads: threads)
        let folder = library.location(ofDigest: model.digest)
        let loaded = try await ScoringModel.load(folder, options: options)
        guard loaded.package.digest == model.digest else {
            throw Failure(
                "the package of \(model.reference) in \(folder.path) was altered: its digest is \(loaded.package.digest) "
                    + "and was registered as \(model.digest); remove that folder and import the package again",
                status: .mismatch)
        }
        return loaded
    }

    /// The folder of the package that `reference` means: itself a folder, or a registered model.
    static func folder(_ reference: String, settings: Settings) async throws -> URL {
        let folder = URL(fileURLWithPath: reference, isDirectory: true)
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        let store = try await settings.openStore()
        let model = try await store.model(named: reference)
        await store.close()
        return settings.library.location(ofDigest: model.digest)
    }
}

extension Store {
    /// The model that `reference` (NAME or NAME@VERSION) names, or the only one there is.
    func model(named reference: String?) async throws -> RegisteredModel {
        let all = try await models()
        let known = all.map(\.reference).joined(separator: ", ")
        guard !all.isEmpty else {
            throw Failure("no model is registered; run `longview model import models/nih-pneumonia-1`")
        }
        let matching = all.filter { reference == nil || $0.name == reference || $0.reference == reference }
        guard let model = matching.first else {
            throw Failure("there is no model \(reference ?? ""); there are: \(known)")
        }
        guard matching.count == 1 else {
            throw Failure("more than one model could be meant; name one with --model: \(known)")
        }
        return model
    }
}

extension ModelDescription {
    /// The description of a registered model, which was checked when it was imported.
    init(registered model: RegisteredModel) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(model.description.utf8))
    }
}

extension ModelDescription.Endpoint {
    /// Outcome and horizon in words.
    var text: String { horizon.map { "\(outcome) within \($0)" } ?? outcome }
}
