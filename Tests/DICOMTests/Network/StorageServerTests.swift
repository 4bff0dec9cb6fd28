import DICOM
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("a storage SCP", .enabled(if: NetworkTool.areInstalled, "needs the packages dcmtk and openssl"))
struct StorageServerTests {
    @Test("answers C-ECHO of DCMTK")
    func echo() async throws {
        let receiver = try TestReceiver()
        let run = try NetworkTool.run("echoscu", ["-aec", "LONGVIEW", "127.0.0.1", "\(receiver.port)"])
        #expect(run.status == 0, "\(run.output)")
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.ends == [.released])
    }

    @Test("keeps what storescu, dcmsend and many at once send, bit for bit", arguments: ["storescu", "dcmsend"])
    func store(_ tool: String) async throws {
        let receiver = try TestReceiver()
        let folder = try Folder()
        let files = try (1...3).map { try Sample.radiograph(rows: 40 * $0, columns: 300).file() }
        let arguments = ["-aec", "LONGVIEW", "127.0.0.1", "\(receiver.port)"]
        let paths = try files.enumerated().map { try folder.write("\($0.offset).dcm", $0.element) }
        let senders = try (0..<4).map { _ in try NetworkTool.Running(tool, arguments + paths) }
        for sender in senders {
            let run = try sender.wait()
            #expect(run.status == 0, "\(run.output)")
        }
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.files.count == 12)
        let sent = Set(files.map { PDU.dataset(of: $0) })
        #expect(receiver.files.allSatisfy { sent.contains(PDU.dataset(of: $0)) })
        #expect(receiver.statuses == [DIMSEStatus](repeating: .success, count: 12))
    }

    @Test("writes the file meta information itself")
    func metaInformation() async throws {
        let receiver = try TestReceiver()
        let folder = try Folder()
        let path = try folder.write("a.dcm", try Sample.radiograph().file())
        _ = try await receiver.client(as: "MODALITY_1").send([path])
        let file = try #require(receiver.files.first)
        let object = try DICOMObject(bytes: Array(file))
        let meta = object.fileMetaInformation
        #expect(meta.string(.mediaStorageSOPClassUID) == DICOMUID.computedRadiographyImageStorage)
        #expect(meta.string(.mediaStorageSOPInstanceUID) == object.dataset.string(.sopInstanceUID))
        #expect(meta.string(.implementationClassUID) == DICOMUID.implementationClass)
        #expect(meta.string(.sourceApplicationEntityTitle) == "MODALITY_1")
        #expect(object.deviations == [])
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    @Test("keeps every transfer syntax as it was sent")
    func everyTransferSyntax() async throws {
        let receiver = try TestReceiver()
        let folder = try Folder()
        let plain = try Sample.radiograph(rows: 16, columns: 16, bitsStored: 8).file()
        var files: [String: [UInt8]] = ["1.2.840.10008.1.2.1": plain]
        for option in ["+ti", "+tb", "+td"] {
            let file = try Tool.convert("dcmconv", [option], plain)
            files[try DICOMObject(bytes: file).transferSyntaxUID] = file
        }
        // What a fragment holds is nothing to the network: those that DCMTK has no encoder for get some bytes.
        for uid in StorageServer.transferSyntaxUIDs where files[uid] == nil {
            files[uid] = try Self.relabelled(plain, as: uid)
        }
        #expect(files.count == 19)
        let paths = try files.map { try folder.write($0.key, $0.value) }
        let results = try await receiver.client().send(paths)
        #expect(results.allSatisfy { $0.status == .success }, "\(results)")
        #expect(await receiver.server.stop(within: .seconds(60)))
        let received = Dictionary(
            receiver.files.map { (Self.transferSyntax(of: Array($0)), PDU.dataset(of: $0)) }, uniquingKeysWith: { $1 })
        #expect(received == files.mapValues { PDU.dataset(of: $0) })
    }

    @Test("keeps the corpus as it was sent, as far as its SOP classes are accepted", .needsSharedData)
    func corpus() async throws {
        let receiver = try TestReceiver()
        let folder = SharedData.url("data/dicom")
        let paths = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".dcm") }
            .sorted().map { folder.appendingPathComponent($0).path }
        let results = try await receiver.client().send(paths)
        let stored = results.filter { $0.status == .success }
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.files.count == stored.count)
        #expect(stored.count > 20)
        for (result, file) in zip(stored, receiver.files) {
            let original = try Data(contentsOf: URL(fileURLWithPath: result.path))
            let dataset = PDU.dataset(of: file)
            // A data set of an odd length is padded: fragments can't have one.
            let isKept = [original, original + [0]].contains { $0.suffix(dataset.count).elementsEqual(dataset) }
            #expect(isKept, "\(result.path)")
        }
    }

    @Test(
        "takes what pynetdicom sends", .enabled(if: NetworkTool.pynetdicom != nil, "needs pynetdicom (LONGVIEW_PYTHON)")
    )
    func pynetdicom() async throws {
        let receiver = try TestReceiver()
        let folder = try Folder()
        let file = try Sample.radiograph(rows: 200, columns: 300).file()
        let path = try folder.write("a.dcm", file)
        let script = """
            import sys, pydicom
            from pynetdicom import AE
            ae = AE("PYTHON")
            dataset = pydicom.dcmread(sys.argv[1])
            ae.add_requested_context(dataset.SOPClassUID, list(pydicom.uid.AllTransferSyntaxes))
            ae.add_requested_context(dataset.SOPClassUID, [dataset.file_meta.TransferSyntaxUID])
            ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2")
            association = ae.associate("127.0.0.1", int(sys.argv[2]), ae_title="LONGVIEW")
            assert association.is_established
            assert len(association.accepted_contexts) == 2, association.accepted_contexts
            assert association.rejected_contexts[0].result == 3
            print(hex(association.send_c_store(dataset).Status))
            association.release()
            """
        let python = try #require(NetworkTool.pynetdicom)
        let run = try python.run(["-c", script, path, "\(receiver.port)"])
        #expect(run.output.hasSuffix("0x0\n"), "\(run.output)")
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.files.map { PDU.dataset(of: $0) } == [PDU.dataset(of: file)])
    }

    @Test("tells the sender the status of an intake that fails")
    func failingIntake() async throws {
        let receiver = try TestReceiver(finishing: { () throws(StorageFailure) in
            throw StorageFailure(.outOfResources, "the disk is full")
        })
        let folder = try Folder()
        let file = try folder.write("a.dcm", try Sample.radiograph().file())
        let result = try await receiver.client().send([file])[0]
        #expect(result.status == .outOfResources)
        #expect(result.message == "the disk is full")
        let run = try NetworkTool.run(
            "storescu", ["-v", "-aec", "LONGVIEW", "127.0.0.1", "\(receiver.port)", file])
        #expect(run.output.contains("0xa700") || run.output.contains("OutOfResources"), "\(run.output)")
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.statuses == [.outOfResources, .outOfResources])
    }

    @Test("holds the data set against the command before it says that it was stored")
    func mismatches() async throws {
        let receiver = try TestReceiver { $0.maximumObjectBytes = 4000 }
        let good = PDU.dataset(of: try Sample.radiograph().file())
        let large = PDU.dataset(of: try Sample.radiograph(rows: 40, columns: 80).file())
        let rightInstance = DICOMUID.deterministic(seed: 1, index: 1)
        let cases: [(command: [UInt8], dataset: [UInt8], status: DIMSEStatus)] = [
            (PDU.storeRequest(), good, .success),
            (PDU.storeRequest(sopInstance: "1.2.3"), good, .datasetMismatch),
            (PDU.storeRequest(sopInstance: "1.02.3"), good, .invalidSOPInstance),
            (PDU.storeRequest(sopClass: DICOMUID.secondaryCaptureImageStorage), good, .sopClassNotSupported),
            (
                PDU.storeRequest(sopInstance: rightInstance), Array("no data set at all, but text".utf8),
                .cannotUnderstand
            ),
            (PDU.storeRequest(sopInstance: rightInstance), [], .cannotUnderstand),
            (
                PDU.storeRequest(sopInstance: rightInstance), Array(good.dropFirst(Self.firstElement(good))),
                .datasetMismatch
            ),
            (PDU.storeRequest(sopInstance: rightInstance), large, .outOfResources),
        ]
        let peer = try RawPeer(port: receiver.port)
        peer.send(PDU.associateRequest())
        #expect(peer.receive()?.first == 2)
        for (index, item) in cases.enumerated() {
            peer.send(item.command + PDU.data(item.dataset, isCommand: false))
            #expect(PDU.status(peer.receive()) == item.status, "case \(index)")
        }
        peer.send(PDU.releaseRequest)
        #expect(peer.receive()?.first == 6)
        #expect(await receiver.server.stop(within: .seconds(60)))
        #expect(receiver.files.count == 1)
        #expect(receiver.statuses == cases.map(\.status))
        #expect(receiver.discarded == 5)
    }

    @Test("passes a large object on in pieces of a PDU, and never holds the whole")
    func pieces() async throws {
        let pieces = Mutex<[Int]>([])
        final class Counting: ObjectReception {
            let take: @Sendable (Int) -> Void
            init(_ take: @escaping @Sendable (Int) -> Void) { self.take = take }
            func append(_ bytes: UnsafeRawBufferPointer) { take(bytes.count) }
            func finish() {}
            func discard() {}
        }
        var configuration = StorageServer.Configuration()
        (configuration.address, configuration.port, configuration.callers) = ("127.0.0.1", 0, nil)
        configuration.maximumPDU = 32_768
        let server = try StorageServer(configuration) { _ in
            Counting { count in pieces.withLock { $0.append(count) } }
        }
        let folder = try Folder()
        // Pixel Data of 64 MiB of nothing, as the file system has it for free.
        let head = try Sample.header().file() + [0xE0, 0x7F, 0x10, 0, 0x4F, 0x42, 0, 0, 0, 0, 0, 4]
        let path = try folder.write("large.dcm", head)
        try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: UInt64(head.count + 64 << 20))
        var client = StorageClient.Configuration(
            host: "127.0.0.1", port: server.port!, callingTitle: "A", calledTitle: "LONGVIEW")
        client.maximumPDU = 4096
        let results = try await StorageClient(client).send([path])
        #expect(results.map(\.status) == [.success])
        #expect(await server.stop(within: .seconds(60)))
        let counts = pieces.withLock { $0 }
        #expect(counts.dropFirst().reduce(0, +) == PDU.dataset(of: head).count + 64 << 20)
        #expect(counts.max()! <= 32_768)
    }

    @Test("refuses an operation that it does not offer, and goes on")
    func otherOperation() async throws {
        let receiver = try TestReceiver()
        let peer = try RawPeer(port: receiver.port)
        peer.send(PDU.associateRequest())
        #expect(peer.receive()?.first == 2)
        // C-FIND-RQ with an identifier.
        peer.send(PDU.command([(0x0100, [0x20, 0]), (0x0110, [1, 0]), (0x0800, [1, 0])]))
        peer.send(PDU.data([1, 2, 3, 4], isCommand: false))
        #expect(PDU.status(peer.receive()) == .unrecognisedOperation)
        peer.send(PDU.echoRequest)
        #expect(PDU.status(peer.receive()) == .success)
        #expect(await receiver.server.stop(within: .seconds(60)))
    }

    /// The length of the first element of an explicit little endian data set, which is SOP Class UID.
    private static func firstElement(_ dataset: [UInt8]) -> Int { 8 + Int(dataset[6]) + Int(dataset[7]) << 8 }

    /// The same data set, declared to be in another transfer syntax; deflated data sets can't be had that way.
    private static func relabelled(_ file: [UInt8], as uid: String) throws -> [UInt8] {
        let padded = Array(uid.utf8) + (uid.utf8.count & 1 == 1 ? [0] : [])
        let transferSyntax: [UInt8] = [2, 0, 0x10, 0, 0x55, 0x49, UInt8(padded.count), 0] + padded
        let length: [UInt8] = [2, 0, 0, 0, 0x55, 0x4C, 4, 0, UInt8(transferSyntax.count), 0, 0, 0]
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + length + transferSyntax + PDU.dataset(of: file)
    }

    private static func transferSyntax(of file: [UInt8]) -> String {
        let place = file.indices.first { file[$0...].starts(with: [2, 0, 0x10, 0, 0x55, 0x49]) }!
        let value = file[(place + 8)..<(place + 8 + Int(file[place + 6]))]
        return String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
    }
}
