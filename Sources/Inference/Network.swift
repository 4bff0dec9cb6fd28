internal import CKernels
internal import Crypto
internal import Foundation

// @unchecked Sendable: the plan is immutable after init; threads, arena and scratch are only used under `lock`,
// the input under its own.
/// A network ready to run: compiled plan, packed weights, threads.
///
/// Results depend on the weights and the input alone: not on kernel set, threads, or which other images are in the
/// batch.
/// - Note: `run` blocks its thread for as long as it computes. Call it from a thread of your own, not from the
///   cooperative pool.
public final class Network: @unchecked Sendable {
    /// The version of the kernels' arithmetic. It changes whenever a bit of a result may.
    ///
    /// `tiled-1`: convolutions directly, one chain of fused multiply-adds for each output element from its bias, by
    /// 16-channel block, kernel row, kernel column and channel; or by transformed tiles (CKernels.h), one chain for each
    /// product by channel, where the layer's shape makes that faster; batch norms folded in double precision.
    public static let engineVersion = "tiled-1"
    /// Likewise of quantised models.
    ///
    /// `int8-1`: sums of products of integers; their way to bytes, and everything else, in the order that
    /// CKernelsQuantised.h states; vectors as `tiled-1`.
    public static let quantisedEngineVersion = "int8-1"

    /// The graph it was compiled from.
    public let graph: NetworkGraph
    /// What results should be recorded as computed by.
    public let engine: EngineIdentity
    /// The shape of one image's result.
    public let outputShape: ValueShape

    private let plan: Plan
    private let lock = NSLock()
    private let pool: ThreadPool
    private var arena = Arena()
    private var scratch = Arena()
    private var schedules: [Int: Schedule] = [:]
    /// Guards `input`; taken before `lock`.
    private let inputLock = NSLock()
    private var input = Arena()

    /// Kernels of one batch size, their chunking decided.
    private struct Schedule {
        var steps: [Plan.Step]
        /// That early steps run for at once.
        var earlyImages: Int
        /// For each worker.
        var scratchFloats: Int
        /// For all workers together.
        var sharedFloats: Int
    }

    /// Compiles `graph` with `weights`.
    /// - Parameters:
    ///   - arithmetic: what `weights` were made for.
    ///   - keepingWeights: whether the weights stay packed, so that only the first run pays for it; the file is
    ///   not needed afterwards. A network for one run takes less memory and starts sooner without.
    /// - Throws: `InferenceError` (`invalidGraph`, `mismatchedWeights`, `nonFiniteWeights`, `resources`).
    public convenience init(
        graph: NetworkGraph, weights: SafetensorsFile, arithmetic: Arithmetic = .float32, options: ExecutionOptions,
        keepingWeights: Bool = true
    ) throws {
        try self.init(
            graph, weights, arithmetic, options, keepingWeights: keepingWeights,
            pool: ThreadPool(threads: options.threads))
    }

    /// As above, on threads that may have begun something else already.
    init(
        _ graph: NetworkGraph, _ weights: SafetensorsFile, _ arithmetic: Arithmetic, _ options: ExecutionOptions,
        keepingWeights: Bool, pool: ThreadPool
    ) throws {
        var planner = try Planner(
            graph: graph, weights: weights, arithmetic: arithmetic, kernels: options.kernels,
            keepingWeights: keepingWeights)
        plan = try planner.plan()
        self.pool = pool
        try plan.packed.prepare(pool)
        self.graph = graph
        // The tiles chosen are part of the arithmetic, so of the version; integers leave nothing to choose.
        let choices = SHA256.hash(data: Data(plan.choices.utf8)).prefix(4).map { String(format: "%02x", $0) }.joined()
        let version = arithmetic == .int8 ? Self.quantisedEngineVersion : "\(Self.engineVersion)+\(choices)"
        engine = EngineIdentity(
            version: version, kernels: options.kernels, threads: options.threads)
        outputShape = planner.outputShape
    }

    /// The network's result for `batch` images.
    /// - Parameter input: (batch, channels, height, width), row-major, finite.
    /// - Returns: (batch, elements), or (batch, channels, height, width) where the network ends in a feature map.
    /// - Throws: `InferenceError` (`invalidInput`, `nonFiniteOutput`, `resources`).
    public func run(_ input: [Float], batch: Int) throws(InferenceError) -> Tensor {
        let result = input.withUnsafeBufferPointer { buffer in
            Result { () throws(InferenceError) in try run(buffer, batch: batch) }
        }
        return try result.get()
    }

    /// As above, from memory that must stay unchanged until the call returns.
    public func run(_ input: UnsafeBufferPointer<Float>, batch: Int) throws(InferenceError) -> Tensor {
        try run(input, batch: batch, finished: nil)
    }

    /// As above; `fill` writes the input into memory that the network keeps from run to run.
    public func run(
        batch: Int, fill: (UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(InferenceError) -> Tensor {
        inputLock.lock()
        defer { inputLock.unlock() }
        let count = batch * graph.input.channels * graph.input.pixels
        try input.reserve(count)
        fill(UnsafeMutableBufferPointer(start: input.base, count: count))
        return try run(UnsafeBufferPointer(start: input.base, count: count), batch: batch)
    }

    /// The time of every class of layers for `batch` images, the longest first. With one thread it is processor time,
    /// which other processes don't disturb.
    public func profile(_ input: [Float], batch: Int) throws(InferenceError) -> [LayerTime] {
        let layers = Dictionary(grouping: plan.steps, by: \.description)
        var times = layers.mapValues { LayerTime(description: $0[0].description, layers: $0.count) }
        let clock = pool.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC
        func now() -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
        }
        var last = now()
        let result = input.withUnsafeBufferPointer { buffer in
            Result { () throws(InferenceError) in
                _ = try run(buffer, batch: batch) { step, images in
                    let moment = now()
                    times[step.description]!
                        .add(milliseconds: moment - last, multiplyAdds: step.multiplyAdds * images)
                    last = moment
                }
            }
        }
        try result.get()
        return times.values.sorted { $0.milliseconds > $1.milliseconds }
    }

    private func run(
        _ input: UnsafeBufferPointer<Float>, batch: Int, finished: ((Plan.Step, Int) -> Void)?
    ) throws(InferenceError) -> Tensor {
        let shape = graph.input
        guard 1...4096 ~= batch, input.count == batch * shape.channels * shape.pixels else {
            throw InferenceError(
                .invalidInput,
                "\(input.count) values are no batch of \(batch) images of "
                    + "\(shape.channels) × \(shape.height) × \(shape.width)")
        }
        guard lv_all_finite(input.baseAddress, input.count) else {
            throw InferenceError(.invalidInput, "the network's input holds values that are infinite or not numbers")
        }
        var values = [Float](repeating: 0, count: batch * outputShape.count)
        try values.withUnsafeMutableBufferPointer { (values) throws(InferenceError) in
            lock.lock()
            defer { lock.unlock() }
            let schedule = schedule(batch: batch)
            try arena.reserve(plan.arenaFloatsPerImage * batch)
            try scratch.reserve(schedule.scratchFloats * pool.threads + schedule.sharedFloats)
            let memory = Memory(
                input: input.baseAddress!, result: values.baseAddress!, arena: arena.base!, scratch: scratch.base!,
                batch: batch)
            for first in stride(from: 0, to: batch, by: schedule.earlyImages) {
                let images = first..<min(first + schedule.earlyImages, batch)
                for step in schedule.steps[..<plan.earlySteps] {
                    try run(step, schedule, memory, images)
                    finished?(step, images.count)
                }
            }
            for step in schedule.steps[plan.earlySteps...] {
                try run(step, schedule, memory, 0..<batch)
                finished?(step, batch)
            }
            if case .vector(let count) = outputShape {
                values.baseAddress!.update(from: memory.address(plan.output), count: batch * count)
            }
        }
        guard lv_all_finite(values, values.count) else {
            throw InferenceError(
                .nonFiniteOutput, "the network's result overflowed: its weights don't fit such an input")
        }
        switch outputShape {
        case .vector(let count): return Tensor(shape: [batch, count], values: values)
        case .map(let map): return Tensor(shape: [batch, map.channels, map.height, map.width], values: values)
        }
    }

    private func schedule(batch: Int) -> Schedule {
        if let schedule = schedules[batch] { return schedule }
        // Enough for every thread to have a share of an image.
        let earlyImages = min(batch, max(1, pool.threads / 2))
        var schedule = Schedule(steps: plan.steps, earlyImages: earlyImages, scratchFloats: 0, sharedFloats: 0)
        for i in schedule.steps.indices {
            let images = i < plan.earlySteps ? earlyImages : batch
            switch schedule.steps[i].kernel {
            case .convolution(var kernel):
                kernel.schedule(batch: images, threads: pool.threads)
                schedule.scratchFloats = max(schedule.scratchFloats, lv_convolution_scratch(&kernel))
                schedule.steps[i].kernel = .convolution(kernel)
            case .winograd(var kernel):
                kernel.schedule(batch: images, threads: pool.threads)
                schedule.scratchFloats = max(schedule.scratchFloats, lv_winograd_scratch(&kernel))
                schedule.sharedFloats = max(schedule.sharedFloats, lv_winograd_shared_scratch(&kernel))
                schedule.steps[i].kernel = .winograd(kernel)
            case .quantised(var kernel):
                let shared = kernel.schedule(batch: images, threads: pool.threads)
                schedule.sharedFloats = max(schedule.sharedFloats, shared)
                schedule.steps[i].kernel = .quantised(kernel)
            default: continue
            }
        }
        // Whole cache lines, so that no two workers share one.
        schedule.scratchFloats = (schedule.scratchFloats + 15) / 16 * 16
        schedules[batch] = schedule
        return schedule
    }

    /// Where one run's values lie.
    private struct Memory {
        var input: UnsafePointer<Float>
        var result: UnsafeMutablePointer<Float>
        var arena: UnsafeMutablePointer<Float>
        var scratch: UnsafeMutablePointer<Float>
        var batch: Int

        /// The first image's.
        func address(_ location: Plan.Location) -> UnsafeMutablePointer<Float> {
            guard case .arena(let buffer, let within, _) = location else {
                preconditionFailure("the input is read only")
            }
            return arena + buffer * batch + within
        }
    }

    private func run(_ step: Plan.Step, _ schedule: Schedule, _ memory: Memory, _ images: Range<Int>)
        throws(InferenceError)
    {
        let batch = images.count
        let weights: UnsafePointer<Float>?
        if let packing = step.packing { weights = try plan.packed.weights(packing, pool) } else { weights = nil }
        /// `images.lowerBound` in, where the memory has a place for every image.
        func skipped(_ location: Plan.Location, _ stride: Int) -> Int {
            if case .arena(_, _, early: true) = location { return 0 }
            return images.lowerBound * stride
        }
        let (from, to): (UnsafePointer<Float>, UnsafeMutablePointer<Float>) = (
            step.readsInput ? memory.input : UnsafePointer(memory.address(step.input)), memory.address(step.output)
        )
        func input(_ stride: Int) -> UnsafePointer<Float> { from + skipped(step.input, stride) }
        func output(_ stride: Int) -> UnsafeMutablePointer<Float> { to + skipped(step.output, stride) }
        switch step.kernel {
        case .convolution(var kernel):
            (kernel.input, kernel.output) = (input(kernel.input_image_stride), output(kernel.output_image_stride))
            (kernel.batch, kernel.weights) = (batch, weights)
            (kernel.scratch, kernel.scratch_stride) = (memory.scratch, schedule.scratchFloats)
            pool.run(lv_convolution_run, kernel, items: lv_convolution_items(&kernel))
        case .winograd(var kernel):
            (kernel.input, kernel.output) = (input(kernel.input_image_stride), output(kernel.output_image_stride))
            (kernel.batch, kernel.weights) = (batch, weights)
            (kernel.scratch, kernel.scratch_stride) = (memory.scratch, schedule.scratchFloats)
            kernel.shared_scratch = memory.scratch + schedule.scratchFloats * pool.threads
            pool.run(lv_winograd_transform_run, kernel, items: lv_winograd_transform_items(&kernel))
            pool.run(lv_winograd_run, kernel, items: lv_winograd_items(&kernel))
        case .pooling(var kernel):
            (kernel.input, kernel.output) = (input(kernel.input_image_stride), output(kernel.output_image_stride))
            kernel.batch = batch
            let item: lv_item = kernel.operation == LV_MAX_POOL ? lv_max_pool_run : lv_average_pool_run
            pool.run(item, kernel, items: batch * kernel.blocks)
        case .globalPooling(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, to, batch)
            pool.run(lv_global_pool_run, kernel, items: batch)
        case .affine(var kernel):
            (kernel.input, kernel.output) = (input(kernel.input_image_stride), output(kernel.output_image_stride))
            kernel.batch = batch
            pool.run(lv_affine_run, kernel, items: batch * kernel.blocks)
        case .linear(var kernel):
            (kernel.input, kernel.output, kernel.batch, kernel.weights) = (from, to, batch, weights)
            pool.run(lv_linear_run, kernel, items: lv_linear_items(&kernel))
        case .layout(var kernel):
            kernel.input = input(kernel.input_image_stride)
            kernel.output =
                kernel.unpack
                ? memory.result + images.lowerBound * kernel.output_image_stride : output(kernel.output_image_stride)
            kernel.batch = batch
            pool.run(lv_layout_run, kernel, items: batch * kernel.blocks)
        case .softmax(let count):
            for image in 0..<batch {
                let logits = UnsafeBufferPointer(start: from + image * count, count: count)
                for (i, probability) in Softmax.probabilities(logits).enumerated() {
                    to[image * count + i] = Float(probability)
                }
            }
        case .quantised(let kernel):
            kernel.run(
                .init(
                    input: input(kernel.strides.input), output: output(kernel.strides.output), weights: weights,
                    scratch: memory.scratch + schedule.scratchFloats * pool.threads), batch: batch, pool)
        case .other(let kernel):
            let strides = kernel.strides
            let other = step.other.map { UnsafePointer(memory.address($0) + skipped($0, strides.other)) }
            kernel.run(
                .init(input: input(strides.input), other: other, output: output(strides.output)), batch: batch, pool)
        }
    }
}

/// Working memory that grows to the largest size asked for and keeps it.
private struct Arena: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Float>?
    private var capacity = 0

    init() {}

    deinit { free(base) }

    mutating func reserve(_ floats: Int) throws(InferenceError) {
        guard floats > capacity || base == nil else { return }
        let grown = try alignedFloats(floats)
        free(base)
        base = grown
        capacity = floats
    }
}
