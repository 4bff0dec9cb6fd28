import Foundation
import Inference
import Scoring
import TestSupport
import Testing

@Suite("Model library")
struct ModelLibraryTests {
    private let shipped = Repository.root.appendingPathComponent("models/nih-pneumonia-1", isDirectory: true)

    @Test("a package is kept whole under its digest, and installing it again changes nothing")
    func install() throws {
        let folder = try TestFolder.forClusters().appendingPathComponent("models", isDirectory: true)
        let library = ModelLibrary(folder: folder)
        let package = try ModelPackage.open(shipped)
        #expect(!library.contains(digest: package.digest))
        try library.install(package)
        try library.install(package)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [package.digest])
        #expect(try ModelPackage.open(library.location(ofDigest: package.digest)).digest == package.digest)
    }

    @Test("a library that can't be written leaves nothing behind and says what to do")
    func unwritable() throws {
        let file = try TestFolder.forClusters().appendingPathComponent("models")
        try Data("a file, not a folder".utf8).write(to: file)
        let library = ModelLibrary(folder: file)
        let error = #expect(throws: ModelLibraryError.self) { try library.install(try ModelPackage.open(shipped)) }
        #expect(error?.description.contains("free space") == true)
    }
}
