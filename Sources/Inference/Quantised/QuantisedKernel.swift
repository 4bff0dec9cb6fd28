internal import CKernels

/// A kernel of a quantised plan that reads or writes bytes.
enum QuantisedKernel {
    case input(lv_quantised_input)
    case convolution(lv_quantised_convolution)
    case pooling(lv_quantised_pooling)
    case dequantised(lv_dequantised)

    /// Floats from one image of a value to the next. Images of bytes are whole numbers of floats.
    var strides: (input: Int, output: Int) {
        switch self {
        case .input(let kernel): (kernel.input_image_stride, kernel.output_image_stride / 4)
        case .convolution(let kernel): (kernel.input_image_stride / 4, kernel.output_image_stride / 4)
        case .pooling(let kernel): (kernel.input_image_stride / 4, kernel.output_image_stride / 4)
        case .dequantised(let kernel): (kernel.input_image_stride / 4, kernel.output_image_stride)
        }
    }

    /// Divides the work of `batch` images, and returns the floats of scratch that all workers share.
    mutating func schedule(batch: Int, threads: Int) -> Int {
        switch self {
        case .input(var kernel):
            kernel.chunks = threads == 1 ? 1 : 4 * threads
            self = .input(kernel)
        case .convolution(var kernel):
            kernel.schedule(batch: batch, threads: threads)
            self = .convolution(kernel)
            return (lv_quantised_convolution_scratch(&kernel) + 3) / 4
        case .pooling, .dequantised: break
        }
        return 0
    }

    /// Where the values of the first image lie, and what else the kernel reads and writes.
    struct Operands {
        var input: UnsafePointer<Float>
        var output: UnsafeMutablePointer<Float>
        var weights: UnsafePointer<Float>?
        var scratch: UnsafeMutablePointer<Float>
    }

    func run(_ operands: Operands, batch: Int, _ pool: ThreadPool) {
        let input = UnsafeRawPointer(operands.input).assumingMemoryBound(to: UInt8.self)
        let output = UnsafeMutableRawPointer(operands.output).assumingMemoryBound(to: UInt8.self)
        switch self {
        case .input(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, output, batch)
            pool.run(lv_quantised_input_run, kernel, items: batch * kernel.chunks)
        case .convolution(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (input, output, batch)
            kernel.weights = UnsafeRawPointer(operands.weights!).assumingMemoryBound(to: Int8.self)
            kernel.scratch = UnsafeMutableRawPointer(operands.scratch).assumingMemoryBound(to: UInt8.self)
            pool.run(lv_quantised_gather_run, kernel, items: lv_quantised_gather_items(&kernel))
            pool.run(lv_quantised_convolution_run, kernel, items: lv_quantised_convolution_items(&kernel))
        case .pooling(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (input, output, batch)
            pool.run(lv_quantised_pool_run, kernel, items: batch * kernel.blocks)
        case .dequantised(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (input, operands.output, batch)
            pool.run(lv_dequantised_run, kernel, items: batch)
        }
    }
}

/// How a quantised convolution is blocked. Nothing here changes a bit of its result.
extension lv_quantised_convolution {
    /// Below this many output pixels an image is divided by output channels, above by pixels.
    private static let fewPixels = 700

    private var groups: Int { (output_blocks * LV_LANES + LV_GROUP - 1) / LV_GROUP }

    /// - Parameter zeroPadding: whether what lies outside the picture is zero, so that taps there can be skipped.
    func fastestMode(zeroPadding: Bool) -> lv_convolution_mode {
        if kernel_height * kernel_width * stride_height * stride_width == 1, padding_height + padding_width == 0 {
            return LV_FLAT
        }
        if stride_width > 2 || (!zeroPadding && padding_height + padding_width > 0) { return LV_PATCHES }
        let tile = lv_quantised_tile_pixels(set)
        let tiles = (output_width + tile - 1) / tile
        // Tiles along a row would leave half of the registers idle.
        if output_width < tiles * tile / 2 && output_height > 1 && pixel_bytes == LV_LANES { return LV_PATCHES }
        return padding_width > 0 ? LV_PADDED : LV_ROWS
    }

    /// Divides the work of `batch` images evenly among the threads, in several items each so that one that the system
    /// delays takes fewer.
    mutating func schedule(batch: Int, threads: Int) {
        self.batch = batch
        (group_chunks, pixel_chunks, prefetch_groups) = (1, 1, 1)
        guard threads > 1 else { return }
        let pixels = output_height * output_width
        let tile = lv_quantised_tile_pixels(set)
        let units = mode == LV_FLAT || mode == LV_PATCHES ? max(1, (pixels + tile - 1) / tile) : output_height
        if pixels < Self.fewPixels && batch < 2 * threads {
            group_chunks = groups
            prefetch_groups = threads
        }
        let items = batch * group_chunks
        let least = (4 * threads + items - 1) / items
        pixel_chunks = Balance.pieces(of: items, from: group_chunks > 1 ? 1 : least, to: units, threads: threads)
    }
}
