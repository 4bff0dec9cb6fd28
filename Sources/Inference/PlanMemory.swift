internal import Foundation

/// Memory that a plan's kernels point into: written while the plan is made, read-only and at fixed places afterwards.
final class PlanMemory {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit { blocks.forEach { free($0) } }

    /// `count` zeros on a cache line's boundary.
    func floats(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let pointer = try alignedFloats(count)
        blocks.append(pointer)
        pointer.initialize(repeating: 0, count: count)
        return pointer
    }

    func floats(_ values: [Double], paddedTo count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let pointer = try floats(count)
        for (i, value) in values.enumerated() { pointer[i] = Float(value) }
        return pointer
    }

    func bytes(_ values: [UInt8]) throws(InferenceError) -> UnsafePointer<UInt8> {
        guard let block = malloc(max(values.count, 1)) else { throw outOfMemory(values.count) }
        blocks.append(block)
        let pointer = block.bindMemory(to: UInt8.self, capacity: values.count)
        pointer.initialize(from: values, count: values.count)
        return UnsafePointer(pointer)
    }
}

/// Uninitialised memory for `count` floats on a cache line's boundary, to be released with `free`.
func alignedFloats(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
    var block: UnsafeMutableRawPointer?
    guard posix_memalign(&block, 64, max(count, 16) * MemoryLayout<Float>.stride) == 0, let block else {
        throw outOfMemory(count * MemoryLayout<Float>.stride)
    }
    return block.bindMemory(to: Float.self, capacity: count)
}

private func outOfMemory(_ bytes: Int) -> InferenceError {
    InferenceError(.resources, "no memory for \(bytes) bytes of the network: run with a smaller batch or more memory")
}
