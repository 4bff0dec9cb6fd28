import DICOM
import Foundation
import TestSupport
import Testing

/// Damaged bytes: 40 rounds an object in the normal run, 2,000 in the long one.
@Suite("mutated objects")
struct MutationTests {
    @Test("whatever a byte is changed to, the object is read or refused with a reason")
    func synthetic() throws {
        for (index, bits) in [8, 12, 16].enumerated() {
            try Self.drill(try Sample.radiograph(bitsStored: bits).file(), seed: UInt64(index))
        }
    }

    @Test("so it is for every small object of the corpus", .needsSharedData)
    func corpus() throws {
        let folder = SharedData.url("data/dicom")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        for (index, name) in names.enumerated() {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            guard (1...600_000).contains(bytes.count), !name.hasSuffix(".csv"), !name.hasSuffix(".md") else { continue }
            try Self.drill(bytes, seed: UInt64(index) << 8)
        }
    }

    @Test("a long run of zeros where elements should be takes time in proportion to its length")
    func zeros() throws {
        let bytes = try Sample.header().file() + [UInt8](repeating: 0, count: 2 << 20) + [1]
        let start = ContinuousClock.now
        #expect(throws: DICOMError.self) { try DICOMObject(bytes: bytes) }
        // A check of the rest at every element took minutes, on a machine with nothing else to do.
        #expect(ContinuousClock.now - start < .seconds(100))
    }

    /// Reads damaged copies of `original`. Anything but a picture or a ``DICOMError`` ends the test or the process.
    private static func drill(_ original: [UInt8], seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        for _ in 0..<Drill.rounds(short: 40, long: 2000) {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
                // Half of the damage goes where the headers are.
                let end = Bool.random(using: &generator) ? bytes.count : min(bytes.count, 2048)
                let place = Int.random(in: 0..<end, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
                default: bytes.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF], at: place)
                }
            }
            do throws(DICOMError) {
                let object = try DICOMObject(bytes: bytes)
                _ = object.attributes
                let pixels = try object.storedPixels()
                #expect(pixels.rows > 0 && pixels.columns > 0)
            } catch {
                #expect(!error.message.isEmpty)
                #expect(error.code != .libraryUnusable)
            }
        }
    }
}
