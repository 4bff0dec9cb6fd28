import DICOM
import Foundation
import Imaging

/// Radiographs for a measurement: each with a SOP Instance UID of its own, so that each is new to who receives it.
enum BenchRadiographs {
    /// Writes `count` files into `folder`: copies of `files` in turn, or synthetic radiographs where there are none.
    /// Blocks.
    static func write(_ count: Int, of files: [String], into folder: URL) throws -> [String] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let sources = try files.prefix(count).map { file in
            do {
                return try DICOMObject(bytes: try FileList.read(file))
            } catch {
                throw Failure("\(file): \(error)")
            }
        }
        return try (0..<count).map { index in
            let bytes =
                sources.isEmpty
                ? try SyntheticRadiograph.makeDICOM(seed: 1, index: index)
                : try sources[index % sources.count].file(renamed: DICOMUID.random())
            let source =
                sources.isEmpty ? "synthetic" : URL(fileURLWithPath: files[index % sources.count]).lastPathComponent
            let path = folder.appendingPathComponent("\(index)-\(source)").path
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
    }
}
