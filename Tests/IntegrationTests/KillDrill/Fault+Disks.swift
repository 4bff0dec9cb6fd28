import Foundation
import TestSupport
import Testing

/// A file system in memory whose size can be changed while it is used.
struct DrillDisk {
    let folder: String

    /// Mounts one at `folder`, which is made where it is missing.
    init(at folder: String) throws {
        self.folder = folder
        _ = try shell("mkdir -p '\(folder)' && mount -t tmpfs -o size=\(Self.size),mode=755 tmpfs '\(folder)'")
    }

    /// More than the intake's gate wants free; nothing of it is used before it is written.
    private static let size = "3g"

    /// Leaves so many KiB free, and after so many milliseconds makes room again.
    func fill(
        leaving kibibytes: ClosedRange<Int>, for time: ClosedRange<Int>, by generator: inout SeededGenerator
    ) async throws {
        try fill(leaving: .random(in: kibibytes, using: &generator))
        try await Task.sleep(for: .milliseconds(Int.random(in: time, using: &generator)))
        _ = try shell("mount -o remount,size=\(Self.size) '\(folder)'")
    }

    private func fill(leaving kibibytes: Int) throws {
        // What is written between the question and the answer may be more than was left.
        _ = try shell(
            """
            for try in 1 2 3 4 5 6 7 8 9; do
                used=$(df --output=used -k '\(folder)' | tail -n 1)
                mount -o remount,size=$((used + \(kibibytes)))k '\(folder)' 2>&1 && break
            done
            """)
    }

    func unmount() throws { _ = try shell("umount '\(folder)'") }
}

extension KillDrill.Fault {
    /// The disk of received objects is full for a while.
    static func objectsFull(_ disk: DrillDisk) -> Self {
        Self(
            name: "disk of objects full",
            strike: { generator in
                // After a second the receiver asks how much is free, and takes no more objects; before, it meets the end.
                try await disk.fill(leaving: 0...16, for: 100...2000, by: &generator)
            })
    }

    /// The database's disk is full for a while. PostgreSQL may stop, and is started again when there is room.
    static func databaseFull(_ disk: DrillDisk, at site: DrillSite) -> Self {
        Self(
            name: "disk of the database full",
            strike: { generator in
                try await disk.fill(leaving: 0...64, for: 500...5000, by: &generator)
                try await site.startDatabase()
            })
    }
}
