public import Foundation
public import Testing

/// The developers' corpora and numerical references, which are not part of this repository.
///
/// They are looked for in `LONGVIEW_SHARED`, else in the folder `shared` beside the repository. A test that needs them
/// carries the trait `.needsSharedData` and so is listed as skipped where they are absent.
public enum SharedData {
    /// The folder that holds `data`, `models` and `reference`.
    public static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["LONGVIEW_SHARED"], !path.isEmpty {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        return Repository.root.deletingLastPathComponent().appendingPathComponent("shared", isDirectory: true)
    }()

    /// Whether the corpora can be read here.
    public static let isPresent = FileManager.default.fileExists(atPath: root.appendingPathComponent("data").path)

    /// The location of `path` below the shared folder.
    public static func url(_ path: String) -> URL { root.appendingPathComponent(path) }

    /// The bytes of the file at `path` below the shared folder.
    public static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }
}

/// This repository's own files.
public enum Repository {
    /// The folder of `Package.swift`.
    public static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, visibly, where the developers' corpora are absent.
    public static var needsSharedData: Self {
        .enabled(if: SharedData.isPresent, "needs the corpora of ../shared, which are not here")
    }
}

/// How thorough the slow drills are: `scripts/test --long` asks for the long form.
public enum Drill {
    /// Whether the long form was asked for.
    public static let isLong = ProcessInfo.processInfo.environment["LONGVIEW_LONG_TESTS"] != nil

    /// `short` rounds in the normal run, `long` in the long one.
    public static func rounds(short: Int, long: Int) -> Int { isLong ? long : short }
}
