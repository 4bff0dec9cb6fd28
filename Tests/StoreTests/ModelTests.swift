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
}
