internal import CKernels
internal import Foundation

// @unchecked Sendable: the plan is immutable after init; threads, arena and scratch are only used under `lock`.
/// A network ready to run: compiled plan, packed weights, threads.
///
/// Results depend on the weights and the input alone: not on kernel set, threads, or which other images are in the
/// batch.
/// - Note: `run` blocks its thread for as long as it computes. Call it from a thread of your own, not from the
///   cooperative pool.
public final class Network: @unchecked Sendable {
    /// The version of the kernels' arithmetic. It changes whenever a bit of a result may.
    ///
    /// `direct-1`: direct convolution, one chain of fused multiply-adds for each output element from its bias, by
    /// 16-channel block, kernel row, kernel column and channel; batch norms folded in double precision.
    public static let engineVersion = "direct-1"

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

    /// Kernels of one batch size, their chunking decided.
    private struct Schedule {
        var steps: [Plan.Step]
        var scratchFloats: Int
    }

    /// Compiles `graph` with `weights`, which are not needed afterwards.
    /// - Throws: `InferenceError` (`invalidGraph`, `mismatchedWeights`, `nonFiniteWeights`, `resources`).
    public init(graph: NetworkGraph, weights: SafetensorsFile, options: ExecutionOptions) throws {
        var planner = try Planner(graph: graph, weights: weights, kernels: options.kernels)
        plan = try planner.plan()
        pool = try ThreadPool(threads: options.threads)
        self.graph = graph
        engine = EngineIdentity(version: Self.engineVersion, kernels: options.kernels, threads: options.threads)
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
            try scratch.reserve(schedule.scratchFloats * pool.threads)
            for step in schedule.steps {
                run(step, schedule, input: input.baseAddress!, result: values.baseAddress!, batch: batch)
            }
            if case .vector(let count) = outputShape {
                values.baseAddress!.update(from: address(plan.output, batch), count: batch * count)
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
        var schedule = Schedule(steps: plan.steps, scratchFloats: 0)
        for i in schedule.steps.indices {
            guard case .convolution(var kernel) = schedule.steps[i].kernel else { continue }
            kernel.schedule(batch: batch, threads: pool.threads)
            schedule.scratchFloats = max(schedule.scratchFloats, lv_convolution_scratch(&kernel))
            schedule.steps[i].kernel = .convolution(kernel)
        }
        // Whole cache lines, so that no two workers share one.
        schedule.scratchFloats = (schedule.scratchFloats + 15) / 16 * 16
        schedules[batch] = schedule
        return schedule
    }

    private func address(_ location: Plan.Location, _ batch: Int) -> UnsafeMutablePointer<Float> {
        guard case .arena(let buffer, let within) = location else { preconditionFailure("the input is read only") }
        return arena.base! + buffer * batch + within
    }

    private func run(
        _ step: Plan.Step, _ schedule: Schedule, input: UnsafePointer<Float>, result: UnsafeMutablePointer<Float>,
        batch: Int
    ) {
        let from: UnsafePointer<Float>
        if case .input = step.input { from = input } else { from = UnsafePointer(address(step.input, batch)) }
        let to = address(step.output, batch)
        switch step.kernel {
        case .convolution(var kernel):
            (kernel.input, kernel.output) = (from, to)
            (kernel.scratch, kernel.scratch_stride) = (scratch.base, schedule.scratchFloats)
            pool.run(lv_convolution_run, kernel, items: lv_convolution_items(&kernel))
        case .pooling(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, to, batch)
            let item: lv_item = kernel.operation == LV_MAX_POOL ? lv_max_pool_run : lv_average_pool_run
            pool.run(item, kernel, items: batch * kernel.blocks)
        case .globalPooling(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, to, batch)
            pool.run(lv_global_pool_run, kernel, items: batch)
        case .affine(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, to, batch)
            pool.run(lv_affine_run, kernel, items: batch * kernel.blocks)
        case .linear(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, to, batch)
            pool.run(lv_linear_run, kernel, items: lv_linear_items(&kernel))
        case .layout(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (from, kernel.unpack ? result : to, batch)
            pool.run(lv_layout_run, kernel, items: batch * kernel.blocks)
        case .softmax(let count):
            for image in 0..<batch {
                let logits = UnsafeBufferPointer(start: from + image * count, count: count)
                for (i, probability) in Softmax.probabilities(logits).enumerated() {
                    to[image * count + i] = Float(probability)
                }
            }
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
