import DICOM
import Foundation
import Imaging
import TestSupport
import Testing

@testable import Decoding

/// The real decoder program, killed and starved in every way there is.
@Suite("Decoder processes", .serialized)
struct DecoderPoolTests {
    private static let path = Products.program("longview-decoder").path

    private func pool(size: Int = 1, _ change: (inout DecoderLimits) -> Void = { _ in }) -> DecoderPool {
        var limits = DecoderLimits()
        limits.processorSeconds = 2
        limits.seconds = 100
        change(&limits)
        return DecoderPool(path: Self.path, size: size, limits: limits)
    }

    /// A small but complete radiograph, quick to decode.
    private func radiograph(_ number: Int = 0) throws -> [UInt8] {
        var builder = try self.builder()
        try builder.set(.bodyPartExamined, "CHEST")
        try builder.set(.viewPosition, "PA")
        try builder.setPixels(
            ChestPhantom.pixels(width: 48, height: 64, highest: 0xFFF, number: number), rows: 64, columns: 48,
            bitsStored: 12)
        return try builder.file()
    }

    private func builder() throws -> DICOMBuilder {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 11, index: 1))
        try builder.set(.modality, "CR")
        return builder
    }

    /// Whether the pool still decodes, as it must after anything.
    private func works(_ pool: DecoderPool) async throws -> Bool {
        if case .ready = try await pool.prepare(radiograph(), profile: .cxrRisk).result { true } else { false }
    }

    @Test("what a decoder answers is what decoding in this process gives, to the last pixel")
    func equal() async throws {
        let pool = pool()
        for bytes in [try radiograph(), try SyntheticRadiograph.makeDICOM(seed: 11, index: 0)] {
            let here = try Preparation(bytes, profile: .cxrRisk)
            let there = try await pool.prepare(bytes, profile: .cxrRisk)
            #expect(here.identity == there.identity)
            guard case .ready(let mine) = here.result, case .ready(let other) = there.result else {
                Issue.record("a synthetic radiograph was refused")
                return
            }
            #expect(mine.radiograph == other.radiograph)
            #expect(mine.gate == other.gate && mine.flags == other.flags)
        }
    }

    @Test("an object's faults are refusals, with their reasons")
    func refusals() async throws {
        let pool = pool()
        for (bytes, code) in [([UInt8](), "empty_file"), (Array("text".utf8), "not_dicom")] {
            guard case .refused(let refusal) = try await pool.prepare(bytes, profile: .cxrRisk).result else {
                Issue.record("\(code) was accepted")
                continue
            }
            #expect(refusal.code == code && refusal.stage == .decode)
        }
        await #expect(throws: UnreadableObject.self) { try await pool.storedPixelDigest(of: Array("text".utf8)) }
        await #expect(throws: UnreadableObject.self) { try await pool.attributes(of: []) }
    }

    @Test("this kernel confines a decoder completely, and nothing it tries beyond decoding succeeds")
    func confined() async throws {
        let pool = pool()
        let confinement = try await pool.confinement()
        try withKnownIssue("this kernel lacks: \(confinement.missing.joined(separator: ", "))", isIntermittent: true) {
            try #require(confinement == .complete)
        } when: {
            confinement != .complete
        }
        guard confinement == .complete else { return }
        for drill in DecoderDrill.attempts {
            // A process of its own for each: an attempt closes a descriptor to make room for what it tries.
            let error = try await self.pool().perform(drill)
            #expect(error == EPERM || error == EACCES, "\(drill) gave \(error)")
        }
    }

    @Test("a character set whose converter is a file is converted all the same")
    func converters() async throws {
        // By hand, since the builder writes UTF-8: explicit VR little endian without meta information.
        func element(_ group: UInt16, _ number: UInt16, _ vr: String, _ value: [UInt8]) -> [UInt8] {
            let padded = value.count % 2 == 0 ? value : value + [0x20]
            return [UInt8(group & 0xFF), UInt8(group >> 8), UInt8(number & 0xFF), UInt8(number >> 8)]
                + Array(vr.utf8) + [UInt8(padded.count & 0xFF), UInt8(padded.count >> 8)] + padded
        }
        let latin2 =
            element(0x0008, 0x0005, "CS", Array("ISO_IR 101".utf8)) + element(0x0008, 0x0060, "CS", Array("CR".utf8))
            + element(0x0010, 0x0020, "LO", [0xA3, 0xF3, 0x64, 0xBC])
        let listing = try await pool().attributes(of: latin2)
        #expect(listing.attributes.contains { $0.tag == .patientID && $0.summary == "Łódź" })
    }

    @Test(
        "a process that crashes refuses its object and is replaced",
        arguments: [DecoderDrill.crash, .abort, .exhaustStack])
    func crash(drill: DecoderDrill) async throws {
        let pool = pool()
        let error = await #expect(throws: UnreadableObject.self) { try await pool.perform(drill) }
        #expect(error?.code == "decoder_crashed")
        #expect(try await works(pool))
    }

    @Test("a memory bomb ends the decoder, not this machine")
    func memory() async throws {
        let pool = pool { $0.addressSpace = 1 << 30 }
        let error = await #expect(throws: UnreadableObject.self) { try await pool.perform(.exhaustMemory) }
        #expect(error?.code == "decoder_crashed")
        #expect(try await works(pool))
    }

    @Test("a loop without end is ended by its processor time, a wait without end by the clock")
    func hang() async throws {
        let pool = pool {
            $0.processorSeconds = 1
            $0.seconds = 60
        }
        let spin = await #expect(throws: UnreadableObject.self) { try await pool.perform(.spin) }
        #expect(spin?.code == "decoder_timed_out")
        #expect(try await works(pool))
        let patient = self.pool { $0.seconds = 15 }
        let sleep = await #expect(throws: UnreadableObject.self) { try await patient.perform(.sleep) }
        #expect(sleep?.code == "decoder_timed_out")
        #expect(try await works(patient))
    }

    @Test(
        "an answer that is none, or longer than any, is not believed",
        arguments: [DecoderDrill.babble, .promiseTooMuch])
    func nonsense(drill: DecoderDrill) async throws {
        let pool = pool()
        let error = await #expect(throws: UnreadableObject.self) { try await pool.perform(drill) }
        #expect(error?.code == "decoder_misbehaved")
        #expect(try await works(pool))
    }

    @Test("processes killed from outside in mid-work lose nothing")
    func killed() async throws {
        // Under a name of its own, so that no other test's decoder is hit.
        let folder = try FileManager.default.url(
            for: .itemReplacementDirectory, in: .userDomainMask,
            appropriateFor: FileManager.default.temporaryDirectory, create: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let link = folder.appendingPathComponent("decoder-to-be-killed").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Self.path)
        let pool = DecoderPool(path: link, size: 2)
        let killer = Task.detached {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(150))
                let kill = Process()
                kill.executableURL = URL(fileURLWithPath: "/usr/bin/pkill")
                kill.arguments = ["-KILL", "-P", "\(getpid())", "-o", "-f", link]
                try kill.run()
                kill.waitUntilExit()
            }
        }
        var ready = 0
        var unlucky = 0
        for number in 0..<40 {
            do {
                let bytes = try radiograph(number % 4)
                if case .ready = try await pool.prepare(bytes, profile: .cxrRisk).result { ready += 1 }
            } catch let error as DecoderError where error.code == .killed {
                // Twice on one object: an error that says so, never a refusal of the object.
                unlucky += 1
            }
        }
        killer.cancel()
        _ = try? await killer.value
        #expect(ready + unlucky == 40)
        #expect(ready > 0)
        #expect(try await works(pool))
    }

    @Test("a worn process is replaced, and many objects at once share few processes")
    func sharing() async throws {
        let pool = pool(size: 2) { $0.objectsPerProcess = 3 }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<12 {
                let bytes = try radiograph(number % 3)
                group.addTask {
                    if case .ready = try await pool.prepare(bytes, profile: .cxrRisk).result { true } else { false }
                }
            }
            for try await ready in group { #expect(ready) }
        }
    }

    @Test("a decoder that isn't there is an error that says where it belongs")
    func missing() async throws {
        let pool = DecoderPool(path: "/nowhere/longview-decoder", size: 1)
        let error = await #expect(throws: DecoderError.self) { try await pool.prepare([], profile: .cxrRisk) }
        #expect(error?.code == .notStarted)
        #expect(error?.description.contains("LONGVIEW_DECODER") == true)
    }

    @Test("an object of a hundred megabytes passes in a gigabyte of address space")
    func large() async throws {
        let pool = pool {
            $0.addressSpace = 1 << 30
            $0.processorSeconds = 20
        }
        let pixels = [UInt16](repeating: 7, count: 7000 * 7000)
        var builder = try builder()
        try builder.setPixels(pixels, rows: 7000, columns: 7000, bitsStored: 12)
        let digest = try await pool.storedPixelDigest(of: try builder.file())
        #expect(digest.rows == 7000 && digest.maximum == 7)
        #expect(try await works(pool))
    }
}
