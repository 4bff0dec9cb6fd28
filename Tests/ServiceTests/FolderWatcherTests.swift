import Foundation
import Glibc
import Service
import Store
import TestSupport
import Testing

@Suite("Folder watcher")
struct FolderWatcherTests {
    private struct Watched {
        let site: Site
        let folder: URL
        var settings: FolderWatcher.Settings

        init() async throws {
            site = try await Site()
            folder = site.root.appendingPathComponent("in", isDirectory: true)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            settings = FolderWatcher.Settings(folder: folder, host: "test")
            settings.sweepInterval = .milliseconds(150)
        }

        func whileWatching(_ body: () async throws -> Void) async throws {
            let watcher = FolderWatcher(
                settings, desk: site.desk, gate: IntakeGate(folder: site.folder, store: site.store),
                store: site.store, decoders: site.decoders, logger: TestLog.silent)
            let running = Task { try await watcher.run() }
            do { try await body() } catch {
                running.cancel()
                try await running.value
                throw error
            }
            running.cancel()
            try await running.value
        }

        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        func intakes() async throws -> Int { try await site.count("SELECT count(*) AS n FROM longview.intakes") }
    }

    @Test("files that were there, are written, are moved in, or lie in new folders are taken in, with their identity")
    func allWays() async throws {
        var watched = try await Watched()
        watched.settings.done = watched.folder.appendingPathComponent("done")
        watched.settings.sweepInterval = .milliseconds(300)
        let elsewhere = watched.site.root.appendingPathComponent("elsewhere.dcm")
        try Data(SmallRadiograph.file(1)).write(to: URL(fileURLWithPath: watched.path("was-there.dcm")))
        try await watched.whileWatching {
            try await Task.sleep(for: .milliseconds(100))
            try Data(SmallRadiograph.file(2)).write(to: URL(fileURLWithPath: watched.path("written.dcm")))
            try Data(SmallRadiograph.file(3)).write(to: elsewhere)
            try FileManager.default.moveItem(atPath: elsewhere.path, toPath: watched.path("moved.dcm"))
            try FileManager.default.createDirectory(atPath: watched.path("a/b"), withIntermediateDirectories: true)
            try Data(SmallRadiograph.file(4)).write(to: URL(fileURLWithPath: watched.path("a/b/deep.dcm")))
            // Another file of a name that was there already.
            try FileManager.default.createDirectory(atPath: watched.path("c"), withIntermediateDirectories: true)
            try Data(SmallRadiograph.file(5)).write(to: URL(fileURLWithPath: watched.path("c/deep.dcm")))
            try await watched.site.wait {
                (try? FileManager.default.contentsOfDirectory(atPath: watched.path("done")).count) == 5
            }
        }
        #expect(try await watched.intakes() == 5)
        #expect(try await watched.site.store.jobs(in: .waiting, limit: 10).count == 5)
        #expect(
            try await watched.site.count(
                "SELECT count(DISTINCT patient_id) AS n FROM longview.objects WHERE sop_instance_uid IS NOT NULL") == 5)
        await watched.site.store.close()
    }

    @Test("a file that is still being written is not taken, however long its writer pauses")
    func slowWriter() async throws {
        let watched = try await Watched()
        let bytes = try SmallRadiograph.file(1)
        try await watched.whileWatching {
            #expect(FileManager.default.createFile(atPath: watched.path("slow.dcm"), contents: nil))
            let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: watched.path("slow.dcm")))
            try writer.write(contentsOf: bytes[..<1000])
            try await Task.sleep(for: .milliseconds(700))
            #expect(try await watched.intakes() == 0)
            try writer.write(contentsOf: bytes[1000...])
            try writer.close()
            try await watched.site.wait { try await watched.intakes() == 1 }
        }
        #expect(try await watched.site.store.jobs(in: nil, limit: 5).count == 1)
        #expect(
            try await watched.site.count("SELECT byte_count AS n FROM longview.objects") == bytes.count)
        await watched.site.store.close()
    }

    @Test("files left where they are come in once, also after a restart; changed, they come in again")
    func left() async throws {
        let watched = try await Watched()
        try Data(SmallRadiograph.file(1)).write(to: URL(fileURLWithPath: watched.path("one.dcm")))
        for _ in 0..<2 {
            try await watched.whileWatching {
                try await watched.site.wait { try await watched.intakes() == 1 }
                try await Task.sleep(for: .milliseconds(500))
            }
            #expect(try await watched.intakes() == 1)
        }
        try await watched.whileWatching {
            try Data(SmallRadiograph.file(2)).write(to: URL(fileURLWithPath: watched.path("one.dcm")))
            try await watched.site.wait { try await watched.intakes() == 2 }
        }
        await watched.site.store.close()
    }

    @Test(
        "links, pipes and hidden files are left alone; empty ones are moved aside; what is no radiograph is kept"
    )
    func others() async throws {
        var watched = try await Watched()
        watched.settings.failed = watched.site.root.appendingPathComponent("failed")
        let outside = watched.site.root.appendingPathComponent("outside.dcm")
        try Data(SmallRadiograph.file(1)).write(to: outside)
        try FileManager.default.createSymbolicLink(atPath: watched.path("link.dcm"), withDestinationPath: outside.path)
        #expect(mkfifo(watched.path("pipe.dcm"), 0o600) == 0)
        try Data(SmallRadiograph.file(2)).write(to: URL(fileURLWithPath: watched.path(".hidden.dcm")))
        try Data().write(to: URL(fileURLWithPath: watched.path("empty.dcm")))
        try Data("no radiograph".utf8).write(to: URL(fileURLWithPath: watched.path("text.txt")))
        try await watched.whileWatching {
            try await watched.site.wait { try await watched.intakes() == 1 }
            try await watched.site.wait {
                FileManager.default.fileExists(
                    atPath: watched.site.root.appendingPathComponent("failed/empty.dcm").path)
            }
            try await Task.sleep(for: .milliseconds(400))
        }
        // The text is kept, and the worker will refuse it with a reason.
        #expect(try await watched.intakes() == 1)
        #expect(try await watched.site.count("SELECT count(*) AS n FROM longview.objects WHERE kind = 'unknown'") == 1)
        await watched.site.store.close()
    }
}
