import Foundation
import Inference
import TestSupport
import Testing

/// NumPy files: the one form that `model predict` takes, and refusals of all others.
@Suite struct NPYFileTests {
    /// As numpy.save writes it.
    private func file(_ header: String, version: UInt8 = 1, data: [Float] = []) -> Data {
        var bytes = Data([0x93] + Array("NUMPY".utf8) + [version, 0])
        if version == 1 {
            withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        } else {
            withUnsafeBytes(of: UInt32(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(contentsOf: header.utf8)
        data.withUnsafeBytes { bytes.append(contentsOf: $0) }
        return bytes
    }

    @Test("an array is read back as it was written, its values aligned to 64 bytes")
    func roundTrip() throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
        let values: [Float] = [1, -0.0, 3.5, .pi, .leastNonzeroMagnitude, 6]
        for version in [UInt8(1), 2] {
            let tensor = try NPYFile.read(file(header, version: version, data: values), name: "x.npy")
            #expect(tensor.shape == [2, 3])
            #expect(tensor.bits == values.map(\.bitPattern))
            let written = NPYFile.data(tensor)
            #expect((written.count - values.count * 4) % 64 == 0)
            #expect(try NPYFile.read(written, name: "y.npy") == tensor)
        }
    }

    @Test(
        "anything else is refused with a reason",
        arguments: [
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "float32"),
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "C order"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "another number"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "no list"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", "larger"),
            ("{'descr': '<f4', 'fortran_order': False}", "no shape"),
        ])
    func refusals(header: String, reason: String) {
        let error = #expect(throws: InferenceError.self) {
            try NPYFile.read(file(header, data: [1]), name: "x.npy")
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test("every truncation is refused")
    func truncation() throws {
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", data: [1, 2])
        for length in 0..<whole.count {
            #expect(throws: InferenceError.self) { try NPYFile.read(whole.prefix(length), name: "x.npy") }
        }
    }
}
