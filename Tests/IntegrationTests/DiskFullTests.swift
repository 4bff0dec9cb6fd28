import Foundation
import TestSupport
import Testing

/// Whether this process may mount a small file system to fill.
let mayMount: Bool = {
    guard geteuid() == 0, let folder = try? TestFolder.forClusters().path else { return false }
    return (try? shell("mount -t tmpfs -o size=1m tmpfs '\(folder)' && umount '\(folder)' && echo yes || true"))
        == "yes"
}()

@Suite("Full disk")
struct DiskFullTests {
    @Test(
        "a disk that fills up stops scoring with a clear error, loses nothing, and goes on when there is room",
        .enabled(if: mayMount, "needs the right to mount a file system"))
    func fullDisk() async throws {
        let longview = try await Installation(privateCluster: true)
        let home = try #require(longview.environment["LONGVIEW_HOME"])
        _ = try shell("mkdir -p '\(home)' && mount -t tmpfs -o size=160m,mode=755 tmpfs '\(home)'")
        do {
            #expect(try await longview.run("model", "import", Installation.shippedModel.path).status == 0)
            for number in 0..<40 { _ = try longview.write("in/\(number)", try SmallRadiograph.file(number)) }
            // Leave a few hundred kilobytes.
            _ = try shell(
                "free=$(df --output=avail -k '\(home)' | tail -n 1); fallocate -l $((free - 300))k '\(home)/filler'")
            let full = try await longview.run("score", "--json", longview.path("in"))
            #expect(full.status == 1, "\(full.errors)")
            #expect(
                full.errors.lowercased().contains("disk") || full.errors.lowercased().contains("space"),
                "\(full.errors)")
            let before = try full.objects

            _ = try shell("rm '\(home)/filler'")
            let again = try await longview.run("score", "--json", longview.path("in"))
            #expect(again.status == 0, "\(again.errors)")
            let after = try again.objects
            #expect(after.count == 40)
            for (old, new) in zip(before, after) {
                #expect(old["inference_id"] as? String == new["inference_id"] as? String)
            }
            #expect(try await longview.run("scores", "--json").objects.count == 40)
        } catch {
            Issue.record(error)
        }
        _ = try await longview.run("db", "stop")
        _ = try shell("umount '\(home)'")
    }

    @Test(
        "a model that doesn't fit on the disk is not registered and leaves nothing behind",
        .enabled(if: mayMount, "needs the right to mount a file system"))
    func modelDoesNotFit() async throws {
        let longview = try await Installation()
        let home = try #require(longview.environment["LONGVIEW_HOME"])
        _ = try shell("mkdir -p '\(home)' && mount -t tmpfs -o size=4m tmpfs '\(home)'")
        let run = try await longview.run("model", "import", Installation.shippedModel.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("free space"), "\(run.errors)")
        #expect(try await longview.run("model", "list", "--json").objects.isEmpty)
        #expect(try shell("find '\(home)' -type f | wc -l") == "0")
        _ = try shell("umount '\(home)'")
    }
}
