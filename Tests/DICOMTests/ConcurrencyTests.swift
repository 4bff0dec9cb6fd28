import DICOM
import Foundation
import TestSupport
import Testing

@Suite("many threads, an object each")
struct ConcurrencyTests {
    /// Runs `body` at the same time on threads of its own: decoding blocks, and must not hold up the cooperative pool.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            let thread = Thread {
                body(index)
                group.leave()
            }
            thread.start()
        }
        group.wait()
    }

    @Test("objects made here are read the same on every thread")
    func native() throws {
        let file = try Sample.radiograph(rows: 40, columns: 50).file()
        let expected = try DICOMObject(bytes: file).storedPixels().digest
        let results = Results()
        onThreads(8) { _ in
            for _ in 0..<20 {
                let object = try? DICOMObject(bytes: file)
                results.append(object.flatMap { try? $0.storedPixels().digest } ?? "failed")
                results.append(object?.dataset.string(.patientName) == "Test^Radiograph" ? expected : "name")
            }
        }
        #expect(results.values == [expected])
    }

    @Test("every codec gives the same values on every thread", .needsSharedData)
    func codecs() throws {
        let files = [
            "MR_small_RLE.dcm", "MR_small_jpegls.dcm", "JPEGExtended_12bit.dcm", "MR_16alloc_8stored.dcm",
            "JLSL_7bit.dcm",
            "J2K_pixelrep_mismatch.dcm", "CT_deflated.dcm", "chrX2_GB18030.dcm",
        ]
        let rows = ManifestRow.all.filter { files.contains($0.file) }
        try #require(rows.count == files.count)
        let results = Results()
        onThreads(8) { thread in
            for step in rows.indices {
                let row = rows[(thread + step) % rows.count]
                let digest = (try? row.bytes()).flatMap { try? DICOMObject(bytes: $0).storedPixels().digest }
                results.append(digest == row.digest ? "same" : row.file)
            }
        }
        #expect(results.values == ["same"])
    }
}

/// What threads found.
private final class Results: @unchecked Sendable {
    // Protected by `lock`.
    private var found: Set<String> = []
    private let lock = NSLock()

    func append(_ value: String) { lock.withLock { _ = found.insert(value) } }

    var values: Set<String> { lock.withLock { found } }
}
