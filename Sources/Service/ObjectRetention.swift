import Decoding
public import Foundation
import Glibc
public import Logging
public import ServiceLifecycle
public import Store

/// Removes the bytes of objects some time after they were scored; their records and pictures stay.
public struct ObjectRetention: ServiceLifecycle.Service {
    private let folder: ObjectFolder
    private let store: Store
    private let days: Int
    private let logger: Logger
    private let queue = ComputeQueue("retention", concurrent: false)

    /// How often the folder is looked through, by one of all processes that share it.
    private static let interval = Duration.seconds(3600)
    /// How often it is asked whether this one is to.
    private static let pause = Duration.seconds(300)

    /// Removal `days` days after the last of an object's jobs ended.
    public init(_ folder: ObjectFolder, store: Store, days: Int = 30, logger: Logger) {
        self.folder = folder
        self.store = store
        self.days = days
        self.logger = logger
    }

    /// Looks through the folder every hour, unless another process does, until it is told to stop.
    public func run() async throws {
        while !Task.isCancelled && !Task.isShuttingDownGracefully {
            do {
                let isDue = try await queue.run { [folder] in
                    try folder.isToBeSwept(every: Self.interval / .seconds(1), now: Date())
                }
                let count = isDue ? try await sweep() : 0
                if count > 0 { logger.info("removed the bytes of \(count) objects scored \(days) days ago or earlier") }
            } catch {
                logger.warning("old objects could not be removed, and will be later: \(error)")
            }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.pause) }
        }
    }

    /// Looks through the folder once; returns how many files were removed.
    public func sweep(now: Date = Date()) async throws -> Int {
        let limit = now.addingTimeInterval(-Double(days) * 86_400)
        let batches = try await queue.run { [folder] in
            var batches: [[String]] = []
            try folder.forEachBatch(olderThan: limit) { batches.append($0) }
            return batches
        }
        var removed = 0
        for batch in batches {
            for sha256 in try await store.disposable(batch, afterDays: days) {
                removed += try await remove(sha256) ? 1 : 0
            }
        }
        return removed
    }

    /// Set aside first and looked at again: an object that is received at this moment is either in the database by
    /// then, and its file is put back; or its receiver sees afterwards that the file is gone, and writes it again.
    private func remove(_ sha256: String) async throws -> Bool {
        let aside = try await queue.run { [folder] in try folder.setAside(sha256) }
        do {
            if try await store.disposable([sha256], afterDays: days).isEmpty {
                try await queue.run { [folder] in try folder.putBack(aside, as: sha256) }
                return false
            }
        } catch {
            try await queue.run { [folder] in try folder.putBack(aside, as: sha256) }
            throw error
        }
        try await queue.run { _ = unlink(aside.path) }
        return true
    }
}
