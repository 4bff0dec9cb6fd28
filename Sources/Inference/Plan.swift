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
        /// `within` floats behind the start of the buffer at `buffer`.
        case arena(buffer: Int, within: Int)
    }

    enum Kernel {
        case convolution(lv_convolution)
        case pooling(lv_pooling)
        case globalPooling(lv_global_pooling)
        case affine(lv_affine)
        case linear(lv_linear)
        case layout(lv_layout)
        case softmax(count: Int)
    }

    /// A kernel whose batch, pointers to activations and chunking are filled in when it runs.
    struct Step {
        var kernel: Kernel
        var input: Location
        var output: Location
    }

    let steps: [Step]
    /// The last step, for a feature map a change to NCHW, writes to the caller's memory.
    let output: Location
    let arenaFloatsPerImage: Int
    private let memory: PlanMemory

    init(steps: [Step], output: Location, arenaFloatsPerImage: Int, memory: PlanMemory) {
        self.steps = steps
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
}
