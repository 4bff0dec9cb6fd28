internal import CKernels

/// The weights of a plan's kernels in the order in which they are read.
///
/// They lie one after the other as the plan's steps follow each other, so that a kernel's last weights are fetched ahead
/// together with the first of the next.
final class PackedWeights {
    private var packings: [lv_packing] = []
    /// Node names, for messages.
    private var names: [String] = []
    /// What the packings read, as long as they have to.
    private var source: SafetensorsFile?
    private let sourceName: String
    private let memory: PlanMemory
    private let kept: Bool

    /// - Parameter kept: whether weights stay packed; otherwise they are packed anew for each use, in little memory.
    init(of source: SafetensorsFile, memory: PlanMemory, kept: Bool) {
        self.source = source
        sourceName = source.name
        self.memory = memory
        self.kept = kept
    }

    /// Adds a packing and returns its number.
    func add(_ packing: lv_packing, _ name: String) -> Int {
        packings.append(packing)
        names.append(name)
        return packings.count - 1
    }

    /// Reserves the memory, and packs what is to be kept.
    /// - Throws: `InferenceError` (`nonFiniteWeights`, `resources`).
    func prepare(_ pool: ThreadPool) throws(InferenceError) {
        // Whole cache lines each.
        let counts = packings.map { packing in
            withUnsafePointer(to: packing) { (lv_packing_count($0) + 15) / 16 * 16 }
        }
        // Fetching ahead may run past the end by as much as one kernel's weights; that reads nothing.
        let base = try memory.largeFloats(kept ? counts.reduce(0, +) : counts.max() ?? 0)
        var offset = 0
        for i in packings.indices {
            packings[i].packed = base + offset
            if kept { offset += counts[i] }
        }
        guard kept else { return }
        // In portions, so that the file does not take as much memory as the packed weights.
        var first = 0
        while first < packings.count {
            var end = first
            var size = 0
            while end < packings.count, size < SafetensorsFile.residentLimit {
                size += packings[end].sourceBytes
                end += 1
            }
            try pack(first..<end, pool)
            first = end
        }
        source = nil
    }

    /// The weights of one packing, packed now unless they are kept: until the next call then.
    func weights(_ number: Int, _ pool: ThreadPool) throws(InferenceError) -> UnsafePointer<Float> {
        if !kept { try pack(number..<number + 1, pool) }
        return UnsafePointer(packings[number].packed)
    }

    private func pack(_ range: Range<Int>, _ pool: ThreadPool) throws(InferenceError) {
        var damaged = [Bool](repeating: false, count: range.count)
        packings.withUnsafeBufferPointer { packings in
            damaged.withUnsafeMutableBufferPointer { damaged in
                var work = lv_packing_work(
                    packings: packings.baseAddress! + range.lowerBound, count: range.count,
                    damaged: damaged.baseAddress)
                let items = lv_packing_items(&work)
                pool.run(lv_packing_run, work, items: items)
            }
        }
        source?.didRead(packings[range].reduce(0) { $0 + $1.sourceBytes })
        if let first = damaged.firstIndex(of: true) {
            throw .nonFiniteWeights(of: names[range.lowerBound + first], in: sourceName)
        }
    }
}

extension lv_packing {
    fileprivate var sourceBytes: Int {
        outputs * inputs * row_taps * column_taps * (form == LV_PACK_QUANTISED ? 1 : MemoryLayout<Float>.size)
    }
}

extension InferenceError {
    static func nonFiniteWeights(of node: String, in file: String) -> InferenceError {
        InferenceError(
            .nonFiniteWeights,
            "the weights of “\(node)” in \(file) are infinite or not numbers: "
                + "the file is damaged or was saved from a failed training")
    }
}
