internal import CKernels

/// A network compiled for one kernel set: kernels in order, weights packed, buffers placed.
///
/// Immutable once made. Buffers lie in an arena whose size is proportional to the batch: a buffer at offset o of n
/// floats per image takes o x batch ..< (o + n) x batch, images one after the other.
final class Plan {
    /// Where a kernel reads or writes, for the first image.
    enum Location {
        /// The network's input as the caller gave it, NCHW.
        case input
        /// `within` floats behind the start of the buffer at `buffer`. A buffer that only early steps use serves all
        /// images in turn.
        case arena(buffer: Int, within: Int, early: Bool)
    }

    enum Kernel {
        case convolution(lv_convolution)
        case winograd(lv_winograd)
        case pooling(lv_pooling)
        case globalPooling(lv_global_pooling)
        case affine(lv_affine)
        case linear(lv_linear)
        case layout(lv_layout)
        case softmax(count: Int)
        case other(OperatorKernel)
        case quantised(QuantisedKernel)
    }

    /// A kernel whose batch, pointers to activations and chunking are filled in when it runs.
    struct Step {
        /// What it is, for measurements: layers alike have one description.
        var description: String
        /// Multiply-adds for one image.
        var multiplyAdds: Int
        var kernel: Kernel
        /// Of its weights in `Plan.packed`.
        var packing: Int?
        var input: Location
        /// The second input, where there is one.
        var other: Location?
        var output: Location

        var readsInput: Bool { if case .input = input { true } else { false } }
    }

    /// From 600 pixels on, an image's feature maps take megabytes, and its weights little.
    static let fewPixels = 600

    let steps: [Step]
    /// How many steps at the start run for few images at a time, whose large feature maps then stay in the caches.
    let earlySteps: Int
    /// What of the arithmetic the graph leaves open: a line for each tiled convolution, its node and tiles.
    let choices: String
    /// The last step, for a feature map a change to NCHW, writes to the caller's memory.
    let output: Location
    let arenaFloatsPerImage: Int
    let packed: PackedWeights
    private let memory: PlanMemory

    init(
        steps: [Step], earlySteps: Int, choices: String, output: Location, arenaFloatsPerImage: Int,
        packed: PackedWeights,
        memory: PlanMemory
    ) {
        self.packed = packed
        self.steps = steps
        self.earlySteps = earlySteps
        self.choices = choices
        self.output = output
        self.arenaFloatsPerImage = arenaFloatsPerImage
        self.memory = memory
    }
}

/// A feature map's channels in blocks of up to 16. Blocks never straddle the parts of a concatenation, so that each
/// part can be written in place.
struct ChannelBlocks: Equatable {
    var counts: [UInt8]

    init(counts: [UInt8]) { self.counts = counts }

    init(splitting channels: Int) {
        let lanes = LV_LANES
        counts = stride(from: 0, to: channels, by: lanes).map { UInt8(min(lanes, channels - $0)) }
    }

    /// A value for each lane of every block: by channel, and `beyond` the block's channels.
    func lanes<Value>(beyond: Value, _ value: (_ channel: Int) -> Value) -> [Value] {
        var channel = 0
        return counts.flatMap { count in
            (0..<LV_LANES).map { lane in
                guard lane < count else { return beyond }
                defer { channel += 1 }
                return value(channel)
            }
        }
    }

    /// Zero for the lanes beyond a block's channels.
    func lanes(_ value: (_ channel: Int) -> Double) -> [Double] { lanes(beyond: 0, value) }
}
