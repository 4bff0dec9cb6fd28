public import Foundation
public import Testing

/// Test data of the ONNX project, from the PyPI package onnx: models with their published results.
public enum ONNXData {
    /// The folder that holds `light` and `pytorch-converted`, where `scripts/test` fetched it.
    public static let root: URL? = ProcessInfo.processInfo.environment["LONGVIEW_ONNX_DATA"].flatMap {
        $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true)
    }

    /// The names of what is in the folder `path`, sorted; empty where the data are absent.
    public static func names(in path: String) -> [String] {
        guard let root else { return [] }
        return ((try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(path).path)) ?? [])
            .sorted()
    }

    /// The location of `path` below the folder.
    public static func url(_ path: String) throws -> URL { try #require(root).appendingPathComponent(path) }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, visibly, where the ONNX project's test data are absent.
    public static var needsONNXData: Self {
        .enabled(if: ONNXData.root != nil, "needs test data of the PyPI package onnx; scripts/test fetches them")
    }
}
