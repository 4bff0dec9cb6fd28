internal import Foundation

/// Memory that a plan's kernels point into: written while the plan is made, read-only and at fixed places afterwards.
final class PlanMemory {
    private var blocks: [UnsafeMutableRawPointer] = []

    private var mappings: [(base: UnsafeMutableRawPointer, size: Int)] = []

    deinit {
        blocks.forEach { free($0) }
        mappings.forEach { munmap($0.base, $0.size) }
    }

    /// `count` zeros on a cache line's boundary.
    func floats(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let pointer = try alignedFloats(count)
        blocks.append(pointer)
        pointer.initialize(repeating: 0, count: count)
        return pointer
    }

    /// As `floats`, for many megabytes: on huge pages where the system has them, which saves the time of faults. Zeros.
    func largeFloats(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let page = 2 << 20
        let size = (max(count, 16) * MemoryLayout<Float>.stride + page - 1) / page * page
        // Aligned by hand: one page more is asked for, and what lies before and after given back.
        guard let mapped = mmap(nil, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mapped != MAP_FAILED
        else { throw outOfMemory(size) }
        let before = (page - Int(bitPattern: mapped) % page) % page
        if before > 0 { munmap(mapped, before) }
        munmap(mapped + before + size, page - before)
        let base = mapped + before
        #if os(Linux)
            madvise(base, size, 14)  // MADV_HUGEPAGE, which Glibc's module does not import
        #endif
        mappings.append((base, size))
        return base.bindMemory(to: Float.self, capacity: count)
    }

    /// A copy of `values`.
    func constants<Value: BitwiseCopyable>(_ values: [Value]) throws(InferenceError) -> UnsafePointer<Value> {
        let size = max(values.count, 1) * MemoryLayout<Value>.stride
        guard let block = malloc(size) else { throw outOfMemory(size) }
        blocks.append(block)
        let pointer = block.bindMemory(to: Value.self, capacity: values.count)
        pointer.initialize(from: values, count: values.count)
        return UnsafePointer(pointer)
    }

    func floats(_ values: [Double], paddedTo count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let pointer = try floats(count)
        for (i, value) in values.enumerated() { pointer[i] = Float(value) }
        return pointer
    }

    func floats(_ values: UnsafeBufferPointer<Float>) throws(InferenceError) -> UnsafeMutablePointer<Float> {
        let pointer = try floats(values.count)
        if let base = values.baseAddress { pointer.update(from: base, count: values.count) }
        return pointer
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
