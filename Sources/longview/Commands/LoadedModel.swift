import Decoding
import Foundation
import Inference
import Scoring
import Store

/// From a registered model to one that scores.
enum LoadedModel {
    /// Loads the package that `model` names from this machine's library.
    static func load(_ model: RegisteredModel, settings: Settings, threads: Int?) async throws -> ScoringModel {
        let folder = try package(of: model, settings)
        let loaded = try await ScoringModel.load(folder, options: try settings.execution(threads: threads))
        try check(loaded.package, in: folder, is: model)
        return loaded
    }

    /// As ``load(_:settings:threads:)``, without the network: for a machine that only decodes.
    static func loadForRendering(_ model: RegisteredModel, settings: Settings) async throws -> WorkerModel {
        let folder = try package(of: model, settings)
        let loaded = try await ComputeQueue("load", concurrent: false).run { try WorkerModel(renderingFor: folder) }
        try check(loaded.package, in: folder, is: model)
        return loaded
    }

    private static func package(of model: RegisteredModel, _ settings: Settings) throws -> URL {
        let library = settings.library
        guard library.contains(digest: model.digest) else {
            throw Failure(
                "the package of \(model.reference) (\(model.digest)) is not in \(library.folder.path); "
                    + "run `longview model import` with its folder on this machine")
        }
        return library.location(ofDigest: model.digest)
    }

    private static func check(_ package: ModelPackage, in folder: URL, is model: RegisteredModel) throws {
        guard package.digest == model.digest else {
            throw Failure(
                "the package of \(model.reference) in \(folder.path) was altered: its digest is \(package.digest) "
                    + "and was registered as \(model.digest); remove that folder and import the package again",
                status: .mismatch)
        }
    }

    /// The folder of the package that `reference` means, itself a folder or a registered model, whose digest is known.
    static func folder(_ reference: String, settings: Settings) async throws -> (URL, digest: String?) {
        let folder = URL(fileURLWithPath: reference, isDirectory: true)
        if FileManager.default.fileExists(atPath: folder.path) { return (folder, nil) }
        let store = try await settings.openStore()
        let model = try await store.model(named: reference)
        await store.close()
        return (settings.library.location(ofDigest: model.digest), model.digest)
    }
}

extension Store {
    /// The model that `reference` (NAME or NAME@VERSION) names. A name alone means its active version, else its only one.
    /// Without a reference: the active model, else the only one there is.
    func model(named reference: String?) async throws -> RegisteredModel {
        let all = try await models()
        let known = all.map { "\($0.reference) (\($0.state.rawValue))" }.joined(separator: ", ")
        guard !all.isEmpty else {
            throw Failure("no model is registered; run `longview model import models/nih-pneumonia-1`")
        }
        if let exact = all.first(where: { $0.reference == reference }) { return exact }
        let matching = all.filter { ($0.name == reference || reference == nil) && $0.state != .retired }
        let active = matching.filter { $0.state == .active }
        // A shadow is meant only where nothing else can be, and never by default.
        let shown = matching.filter { $0.state != .shadow }
        let candidates = !active.isEmpty ? active : !shown.isEmpty || reference == nil ? shown : matching
        guard let model = candidates.first else {
            throw Failure(
                reference.map { "there is no model \($0) in use; there are: \(known)" }
                    ?? "no model is in use; activate one: longview model activate NAME@VERSION; there are: \(known)")
        }
        guard candidates.count == 1 else {
            throw Failure(
                "more than one model could be meant; name one, or activate it with longview model activate: \(known)")
        }
        return model
    }
}

extension RegisteredModel {
    /// What is registered of a package.
    init(_ package: ModelPackage) throws {
        guard let weightsSHA256 = package.description.weightsSHA256 else {
            throw Failure(
                "\(package.folder.path): model.json does not state the digest of its weights; package it again")
        }
        self.init(
            digest: package.digest, name: package.description.name, version: package.description.version,
            weightsSHA256: weightsSHA256, description: String(decoding: package.descriptionBytes, as: UTF8.self))
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
