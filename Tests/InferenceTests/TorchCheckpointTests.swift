import Foundation
import TestSupport
import Testing

@testable import Inference

@Suite("PyTorch checkpoints")
struct TorchCheckpointTests {
    private static let fixtures = SharedData.url("reference/fixtures/tiny")

    @Test(
        "both formats hold the tensors that safetensors holds, bit for bit", .needsSharedData,
        arguments: ["fastai-legacy.pth", "state-zip.pth"])
    func equal(name: String) throws {
        let checkpoint = try TorchCheckpoint(url: Self.fixtures.appendingPathComponent(name))
        let reference = try SafetensorsFile(url: Self.fixtures.appendingPathComponent("weights.safetensors"))
        #expect(checkpoint.names == reference.names)
        for tensor in reference.names where reference.tensors[tensor]?.dtype == "F32" {
            #expect(checkpoint.shape(of: tensor) == reference.shape(of: tensor))
            let mine = try checkpoint.withFloats(of: tensor) { $0.map(\.bitPattern) }
            #expect(try reference.withFloats(of: tensor) { $0.map(\.bitPattern) } == mine, "\(tensor)")
        }
        #expect(throws: InferenceError.self) {
            try checkpoint.withFloats(of: "0.0.0.bn.num_batches_tracked") { _ in }
        }
    }

    @Test(
        "a file cut short anywhere is refused, never a crash", .needsSharedData,
        arguments: [
            "fastai-legacy.pth", "state-zip.pth",
        ])
    func truncated(name: String) throws {
        let bytes = try Data(contentsOf: Self.fixtures.appendingPathComponent(name))
        let folder = try TemporaryFolder()
        for count in [0, 1, 2, 30, 100, 1000, bytes.count / 3, bytes.count / 2, bytes.count - 1] {
            let file = try folder.write(bytes.prefix(count), to: "cut-\(count).pth")
            #expect(throws: InferenceError.self) { try TorchCheckpoint(url: file) }
        }
    }

    @Test("damaged files are read or refused, and a changed weight in an archive is found", .needsSharedData)
    func damaged() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(state: 5)
        for name in ["fastai-legacy.pth", "state-zip.pth"] {
            let original = [UInt8](try Data(contentsOf: Self.fixtures.appendingPathComponent(name)))
            for round in 0..<Drill.rounds(short: 20, long: 2000) {
                var bytes = original
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    // Half of the damage goes where the pickle is.
                    let place = Int.random(
                        in: 0..<(Bool.random(using: &generator) ? 60_000 : bytes.count), using: &generator)
                    bytes[place] = UInt8.random(in: 0...255, using: &generator)
                }
                let file = try folder.write(Data(bytes), to: "\(name)-\(round % 2)")
                do throws(InferenceError) {
                    _ = try TorchCheckpoint(url: file)
                } catch {
                    #expect(!error.message.isEmpty)
                }
            }
        }
        var bytes = [UInt8](try Data(contentsOf: Self.fixtures.appendingPathComponent("state-zip.pth")))
        // In the midst of the largest storage; entries have padding between them.
        bytes[bytes.count - 100_000] ^= 1
        let error = #expect(throws: InferenceError.self) {
            try TorchCheckpoint(url: try folder.write(Data(bytes), to: "flipped.pth"))
        }
        #expect(error?.message.contains("damaged") == true)
    }

    // MARK: Hostile pickles

    /// The reason for which a pickle of protocol 2 is refused.
    private func refusal(_ operations: [UInt8]) -> String? {
        ([0x80, 2] + operations).withUnsafeBytes { bytes -> String? in
            var machine = PickleMachine(bytes)
            do throws(CheckpointError) {
                _ = try machine.run()
                return nil
            } catch {
                return error.message
            }
        }
    }

    @Test("a pickle that would run code is refused by the name of what it would run")
    func code() {
        let system = refusal(Array("cos\nsystem\nU\u{04}true".utf8) + [0x85] + Array("R.".utf8))
        #expect(system?.contains("os.system") == true)
        for (module, name) in [
            ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("torch", "load"),
            ("torch.hub", "load"),
            ("torch.storage", "_load_from_bytes"), ("collections", "deque"), ("torch._utils", "_rebuild_device_tensor"),
        ] {
            let text = refusal(Array("c\(module)\n\(name)\n.".utf8))
            #expect(text?.contains("\(module).\(name)") == true)
            // The same by the newer operation, with both names from the stack.
            let stacked = [UInt8](
                [0x8C, UInt8(module.utf8.count)] + module.utf8 + [0x8C, UInt8(name.utf8.count)] + name.utf8 + [
                    0x93, 0x2E,
                ])
            #expect(refusal(stacked)?.contains("\(module).\(name)") == true)
        }
        // INST, OBJ, EXT1, NEWOBJ_EX, BYTEARRAY8: operations that no checkpoint needs.
        for operation: UInt8 in [0x69, 0x6F, 0x82, 0x92, 0x96] {
            #expect(refusal([operation, 0x2E])?.contains("0x\(String(operation, radix: 16))") == true)
        }
    }

    @Test("a pickle that takes more than there is, or never ends, is refused")
    func stack() {
        for text in ["0.", "u.", "R.", "a.", "(.", "(t", "h\u{05}.", "q\u{01}.", "", "N", "NN."] {
            #expect(refusal(Array(text.utf8)) != nil, "\(text)")
        }
        // Lengths beyond the end.
        #expect(refusal([0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E]) != nil)
        #expect(refusal([0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E]) != nil)
        #expect(refusal([0x42, 0xFF, 0xFF, 0xFF, 0x7F, 0x2E]) != nil)
        #expect(refusal([0x54, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E]) != nil)
    }

    @Test("nesting costs no stack, and sharing no memory")
    func nesting() {
        // A million tuples in each other.
        #expect(refusal(Array(")".utf8) + [UInt8](repeating: 0x85, count: 1_000_000) + Array(".".utf8)) == nil)
        // Tuples of two of the same, sixty-four deep: 2^64 leaves if they were copied.
        var laughs = Array(")".utf8)
        for _ in 0..<64 { laughs += [0x71, 0, 0x68, 0, 0x86] }
        #expect(refusal(laughs + Array(".".utf8)) == nil)
    }

    @Test("a tensor must lie within its storage")
    func views() {
        let storage = PickleStorage(element: .float32, key: "0", count: 10)
        func fits(_ offset: Int, _ shape: [Int], _ strides: [Int]) -> Bool {
            (try? PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)) != nil
        }
        #expect(fits(0, [2, 5], [5, 1]) && fits(4, [6], [1]) && fits(0, [], []) && fits(3, [5, 2], [1, 5]) == false)
        #expect(!fits(0, [11], [1]) && !fits(9, [2], [1]) && !fits(-1, [2], [1]) && !fits(0, [2], [-1]))
        #expect(!fits(0, [2, 3], [1]) && !fits(0, [.max, .max], [1, 1]) && !fits(1, [2], [.max]))
        // Strides of 0 could make a small storage look endless.
        #expect(!fits(0, [1_000_000], [0]))
    }

    // MARK: Archives

    @Test("the checksum is zip's")
    func checksum() {
        // The check value of CRC-32 in the catalogue of parametrised CRC algorithms, and that of nothing.
        #expect(Array("123456789".utf8).withUnsafeBytes(CRC32.checksum) == 0xCBF4_3926)
        #expect([UInt8]().withUnsafeBytes(CRC32.checksum) == 0)
        let bytes = (0..<1003).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var value = ~UInt32(0)
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
        }
        #expect(bytes.withUnsafeBytes(CRC32.checksum) == ~value)
    }

    /// An archive of one stored entry, made by hand, with what is to be wrong with it.
    private func archive(
        method: UInt16 = 0, size: UInt32 = 4, start: UInt32 = 0, directory: UInt32 = 41, copies: UInt16 = 1
    ) -> [UInt8] {
        func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian, Array.init)
        }
        let name = Array("a/data.pkl".utf8)
        let common =
            little(UInt16(20)) + little(UInt16(0)) + little(method) + little(UInt32(0)) + little(UInt32(0))
            + little(size)
            + little(size) + little(UInt16(name.count)) + little(UInt16(0))
        let local = [0x50, 0x4B, 3, 4] + common + name + Array("N...".utf8)
        var central: [UInt8] = []
        for _ in 0..<copies {
            central +=
                [0x50, 0x4B, 1, 2] + little(UInt16(20)) + common + little(UInt16(0)) + little(UInt16(0))
                + little(UInt16(0)) + little(UInt32(0)) + little(start) + name
        }
        return local + central + [0x50, 0x4B, 5, 6] + little(UInt32(0)) + little(copies) + little(copies)
            + little(UInt32(central.count)) + little(UInt32(local.count) &+ directory &- 41) + little(UInt16(0))
    }

    @Test("an archive whose directory lies is refused")
    func archives() throws {
        func opens(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { (try? ZipArchive($0)) != nil } }
        #expect(opens(archive()))
        #expect(!opens(archive(method: 8)), "compressed entries may be bombs")
        #expect(!opens(archive(size: 5)), "an entry may not reach into the directory")
        #expect(!opens(archive(size: .max)))
        #expect(!opens(archive(start: 7)), "there is no header there")
        #expect(!opens(archive(start: .max)))
        #expect(!opens(archive(directory: 50)))
        #expect(!opens(archive(directory: .max)))
        #expect(!opens(archive(copies: 2)), "a name twice")
        #expect(!opens(Array(archive().dropLast(1))))
        #expect(!opens([0x50, 0x4B, 3, 4]))
    }
}
