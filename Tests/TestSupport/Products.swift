public import Foundation

/// The programs under test.
public enum Products {
    /// The program `name` beside the one that `scripts/test` names (the release build), else beside the tests.
    public static func program(_ name: String) -> URL {
        if let path = ProcessInfo.processInfo.environment["LONGVIEW_EXECUTABLE"] {
            return URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name)
        }
        return Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
            .appendingPathComponent(name)
            ?? Repository.root.appendingPathComponent(".build/debug/\(name)")
    }
}
