import Crypto
import Foundation
import Glibc
import Imaging
@testable import Service
import Store
import TestSupport
import Testing

@Suite("Object folder")
struct ObjectFolderTests {
    private static func files(below folder: URL) -> Set<String> {
        let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        return Set(
            (found?.allObjects as? [URL] ?? []).filter { !$0.hasDirectoryPath }.map(\.lastPathComponent)
        ).subtracting(["folder-id"])
    }

    @Test("a folder has one identity, whoever asks first, and no other folder has it")
    func identity() async throws {
        let place = try TestFolder.forClusters().appendingPathComponent("objects")
        let found = try await withThrowingTaskGroup(of: UUID.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let folder = ObjectFolder(place)
                    try folder.prepare()
                    return try folder.identity()
                }
            }
            return try await group.reduce(into: Set<UUID>()) { $0.insert($1) }
        }
        #expect(found.count == 1)
        let other = ObjectFolder(try TestFolder.forClusters().appendingPathComponent("objects"))
        try other.prepare()
        #expect(try !found.contains(other.identity()))
        try Data("lost".utf8).write(to: place.appendingPathComponent("folder-id"))
        #expect(throws: ObjectFolderError.self) { try ObjectFolder(place).identity() }
    }

    @Test("an object lies under its digest when it is kept, and nowhere before")
    func keep() async throws {
        let folder = ObjectFolder(try TestFolder.forClusters().appendingPathComponent("objects"))
        try folder.prepare()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let digest = SHA256.hash(data: bytes).lowerCaseHex
        let object = try folder.newObject()
        for start in stride(from: 0, to: bytes.count, by: 7777) {
            try object.write(Array(bytes[start..<min(start + 7777, bytes.count)]))
        }
        #expect(!Self.files(below: folder.folder).contains(digest))
        #expect(try object.keep() == digest)
        try object.settle(digest)
        #expect(Self.files(below: folder.folder) == [digest])
        #expect(try folder.bytes(digest) == bytes)
        #expect(
            folder.location(of: digest).path.hasSuffix(
                "/\(digest.prefix(2))/\(digest.dropFirst(2).prefix(2))/\(digest)"))

        // The same again changes nothing; given up, nothing remains of it.
        let again = try folder.newObject()
        try again.write(bytes)
        #expect(try again.keep() == digest)
        try again.settle(digest)
        let given = try folder.newObject()
        try given.write([1, 2, 3])
        given.discard()
        #expect(Self.files(below: folder.folder) == [digest])
    }

    @Test("what was removed for its age while the same bytes came in is put there again")
    func settle() throws {
        let folder = ObjectFolder(try TestFolder.forClusters().appendingPathComponent("objects"))
        try folder.prepare()
        let object = try folder.newObject()
        try object.write([1, 2, 3])
        let digest = try object.keep()
        try FileManager.default.removeItem(at: folder.location(of: digest))
        try object.settle(digest)
        #expect(try folder.bytes(digest) == [1, 2, 3])
    }

    @Test("altered and missing objects are told apart, and never read as what they are not")
    func reading() throws {
        let folder = ObjectFolder(try TestFolder.forClusters().appendingPathComponent("objects"))
        try folder.prepare()
        let object = try folder.newObject()
        try object.write([1, 2, 3])
        let digest = try object.keep()
        object.discard()
        #expect(throws: ObjectFolderError.self) { try folder.bytes(String(repeating: "0", count: 64)) }
        let handle = try FileHandle(forWritingTo: folder.location(of: digest))
        try handle.write(contentsOf: [9])
        try handle.close()
        let error = #expect(throws: ObjectFolderError.self) { try folder.bytes(digest) }
        #expect(error?.code == .objectAltered)
    }

    @Test("what a crash left is swept away, what another process is writing is not, what was set aside is put back")
    func sweep() throws {
        let folder = ObjectFolder(try TestFolder.forClusters().appendingPathComponent("objects"))
        try folder.prepare()
        let staging = folder.folder.appendingPathComponent("incoming")
        try Data([1]).write(to: staging.appendingPathComponent("left-by-a-crash"))
        let kept = try folder.newObject()
        try kept.write([4, 5, 6])
        let digest = try kept.keep()
        kept.discard()
        try FileManager.default.moveItem(
            at: folder.location(of: digest), to: staging.appendingPathComponent("removed-\(digest)-x"))
        let living = try folder.newObject()
        try living.write([7])
        try folder.prepare()
        #expect(try FileManager.default.contentsOfDirectory(atPath: staging.path).count == 1)
        #expect(try folder.bytes(digest) == [4, 5, 6])
        #expect(try folder.bytes(living.keep()) == [7])
    }

    @Test("of all who share a folder one looks through it, once in a while")
    func sweeping() async throws {
        let place = try TestFolder.forClusters().appendingPathComponent("objects")
        try ObjectFolder(place).prepare()
        func told(_ now: Date) async throws -> Int {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask { try ObjectFolder(place).isToBeSwept(every: 3600, now: now) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        let start = Date()
        #expect(try await told(start.addingTimeInterval(3500)) == 0, "there is nothing old in a new folder")
        #expect(try await told(start.addingTimeInterval(3700)) == 1)
        #expect(try await told(start.addingTimeInterval(7200)) == 0)
        #expect(try await told(start.addingTimeInterval(7400)) == 1)
        #expect(try await told(start) == 1, "the clock was set back")
    }

    @Test("bytes go when their jobs are done and the time is over; what waits stays, whatever its age")
    func retention() async throws {
        let site = try await Site()
        let (done, waiting) = (try await site.send(1), try await site.send(2))
        let digest = try await site.store.modelsInUse()[0].digest
        var cursor = ClaimCursor()
        let job = try await site.store.claim(
            1, .toDecode(in: site.folder.identity()), modelDigest: digest, worker: "w", lease: .seconds(60),
            cursor: &cursor)[0]
        #expect(job.objectSHA256 == done.sha256)
        let refusal = RefusalRecord(
            object: ObjectRecord(sha256: done.sha256, kind: .dicom, byteCount: 1), modelDigest: digest, stage: .gate,
            code: "x", message: "", gate: nil, longviewVersion: "0", host: "test")
        _ = try await site.store.complete(job, with: refusal)
        let tomorrow = Date(timeIntervalSinceNow: 86_400)
        #expect(
            try await ObjectRetention(site.folder, store: site.store, days: 30, logger: TestLog.silent)
                .sweep(now: tomorrow) == 0)
        let retention = ObjectRetention(site.folder, store: site.store, days: 0, logger: TestLog.silent)
        #expect(try await retention.sweep(now: tomorrow) == 1)
        #expect(!FileManager.default.fileExists(atPath: site.folder.location(of: done.sha256).path))
        #expect(try site.folder.bytes(waiting.sha256) == SmallRadiograph.file(2))
        await site.store.close()
    }

    @Test("the gate closes when the disk fills up or the queue grows too long")
    func gate() async throws {
        let site = try await Site()
        try await site.send(1)
        try await site.send(2)
        #expect(await IntakeGate(folder: site.folder, store: site.store).answer() == .open)
        var marks = IntakeGate.Marks()
        marks.waitingJobs = 1
        guard case .closed(let reason) = await IntakeGate(folder: site.folder, store: site.store, marks: marks).answer()
        else {
            Issue.record("the gate is open for a queue that is too long")
            return
        }
        #expect(reason.contains("more than 1 jobs"))
        marks = IntakeGate.Marks()
        marks.freeBytes = .max
        guard case .closed = await IntakeGate(folder: site.folder, store: site.store, marks: marks).answer() else {
            Issue.record("the gate is open for a full disk")
            return
        }
        await site.store.close()
    }
}
