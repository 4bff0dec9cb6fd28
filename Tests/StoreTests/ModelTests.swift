import Postgres
import Store
import TestSupport
import Testing

@Suite("Model registry")
struct ModelTests {
    @Test("a package registers once; its name and version are its own from then on")
    func references() async throws {
        let (_, store) = try await Samples.store()
        #expect(try await store.register(Samples.model) == .alreadyRegistered)
        var other = Samples.model
        other.digest = Samples.digest("d")
        #expect(try await store.register(other) == .taken(by: Samples.model.digest))
        other.version = "2"
        #expect(try await store.register(other) == .registered)
        let models = try await store.models()
        #expect(models.map(\.reference) == ["sample@1", "sample@2"])
        #expect(models[0].description == Samples.model.description)
        await store.close()
    }

    @Test("of a name one version is active; activating another and going back are changes that stay")
    func states() async throws {
        let (_, store) = try await Samples.store()
        var second = Samples.model
        (second.digest, second.version) = (Samples.digest("d"), "2")
        _ = try await store.register(second)
        #expect(try await store.models().map(\.state) == [.inactive, .inactive])
        #expect(try await store.setState(.active, of: Samples.model, reason: "trial") == .changed(replaced: nil))
        #expect(try await store.setState(.active, of: Samples.model, reason: nil) == .unchanged)
        let outcome = try await store.setState(.active, of: second, reason: nil)
        guard case .changed(let replaced) = outcome else {
            Issue.record("the second version was not activated")
            return
        }
        #expect(replaced?.reference == "sample@1")
        #expect(try await store.models().map(\.state) == [.inactive, .active])
        _ = try await store.setState(.active, of: Samples.model, reason: "the second was worse")
        _ = try await store.setState(.retired, of: second, reason: nil)
        #expect(try await store.models().map(\.state) == [.active, .retired])
        let history = try await store.stateChanges(of: Samples.model)
        #expect(history.map(\.state) == [.active, .inactive, .active])
        #expect(history.map(\.reason) == ["the second was worse", "replaced by sample@2", "trial"])
        #expect(history[0].changedBy == PrivateCluster.workerRole)
        await store.close()
    }

    @Test("whoever activates at once, one version is active in the end")
    func race() async throws {
        let (_, store) = try await Samples.store()
        var models = [Samples.model]
        for version in 2...5 {
            var model = Samples.model
            (model.version, model.digest) = ("\(version)", Samples.digest(Character("\(version)")))
            _ = try await store.register(model)
            models.append(model)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for model in models + models {
                group.addTask { _ = try await store.setState(.active, of: model, reason: nil) }
            }
            try await group.waitForAll()
        }
        #expect(try await store.models().count { $0.state == .active } == 1)
        await store.close()
    }
}
