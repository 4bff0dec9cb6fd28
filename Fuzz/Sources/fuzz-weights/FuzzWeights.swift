import FoundationEssentials
import Inference

/// What libFuzzer calls with each input: everything that reads weights from elsewhere.
///
/// Readers map files, so each input becomes one, in memory. A file that is read or refused is as it should be.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWeights(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // Foundation leaks a page when it reads an empty file, which would end the run.
    guard count > 0 else { return 0 }
    let file = URL(filePath: "/dev/shm/longview-fuzz-\(ProcessInfo.processInfo.processIdentifier)")
    do { try Data(UnsafeBufferPointer(start: start, count: count)).write(to: file) } catch { return 0 }
    if let checkpoint = try? TorchCheckpoint(url: file) {
        for name in checkpoint.names { _ = checkpoint.shape(of: name) }
    }
    if let weights = try? SafetensorsFile(url: file) {
        for (name, tensor) in weights.tensors where tensor.dtype == "F32" {
            _ = try? weights.withFloats(of: name) { $0.reduce(0, +) }
        }
    }
    return 0
}
