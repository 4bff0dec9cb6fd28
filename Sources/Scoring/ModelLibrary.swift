public import Foundation
public import Inference
import Glibc

/// The model packages kept on this machine, each in a folder named by its digest.
public struct ModelLibrary: Sendable {
    /// The folder that holds them.
    public let folder: URL

    /// The library in `folder`, which need not exist yet.
    public init(folder: URL) {
        self.folder = folder
    }

    /// Where the package with `digest` lies, whether or not it is there.
    public func location(ofDigest digest: String) -> URL {
        folder.appendingPathComponent(digest, isDirectory: true)
    }

    /// Whether the package with `digest` is here.
    public func contains(digest: String) -> Bool {
        FileManager.default.fileExists(atPath: location(ofDigest: digest).path)
    }

    /// Copies a verified package into the library. It appears under its digest whole, or not at all.
    public func install(_ package: ModelPackage) throws {
        guard !contains(digest: package.digest) else { return }
        let manager = FileManager.default
        let staging = folder.appendingPathComponent(".\(UUID().uuidString)", isDirectory: true)
        do {
            try manager.createDirectory(at: staging, withIntermediateDirectories: true)
            for name in [ModelPackage.descriptionFile, ModelPackage.weightsFile] {
                let copy = staging.appendingPathComponent(name)
                try manager.copyItem(at: package.folder.appendingPathComponent(name), to: copy)
                try Self.synchronise(copy)
            }
            guard try ModelPackage.open(staging).digest == package.digest else {
                throw CocoaError(.fileWriteUnknown)
            }
            try manager.moveItem(at: staging, to: location(ofDigest: package.digest))
            try Self.synchronise(folder)
        } catch {
            try? manager.removeItem(at: staging)
            // Another process may have installed the same package in the meantime.
            if contains(digest: package.digest) { return }
            throw ModelLibraryError(
                "the model package could not be copied into \(folder.path): \(error.localizedDescription); "
                    + "check the free space and the rights of that folder")
        }
    }

    /// Asks the file system to keep what was written, so that a registered model survives a power cut.
    private static func synchronise(_ location: URL) throws {
        let descriptor = open(location.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }
}

/// Why a package could not be kept.
public struct ModelLibraryError: Error, CustomStringConvertible {
    /// What could not be done, in which folder, and what to check.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
