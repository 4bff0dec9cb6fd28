public import Foundation

/// A folder that goes away with its last reference.
public final class Folder: Sendable {
    /// Where it is.
    public let url: URL

    /// A new one, below the temporary folder.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "longview-net-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The path of a file in it.
    public func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file in it and returns its path.
    public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }
}
