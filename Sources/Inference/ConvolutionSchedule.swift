internal import CKernels

/// How a convolution is blocked. Nothing here changes a bit of its result.
extension lv_convolution {
    /// Floats of scratch (512 KiB) that still leave room for a group's weights in a second-level cache of 1 MiB.
    private static let scratchLimit = 1 << 17
    /// Below this many output pixels an image is divided by output channels, above by pixels.
    private static let fewPixels = 700

    private var groups: Int { (output_blocks * LV_LANES + LV_GROUP - 1) / LV_GROUP }

    func fastestMode() -> lv_convolution_mode {
        let horizontal = (kernel_width, stride_width, padding_width) == (1, 1, 0)
        let vertical = (kernel_height, stride_height, padding_height) == (1, 1, 0)
        if horizontal && vertical { return LV_FLAT }
        if planar { return LV_ROWS }
        if stride_width > 2 { return LV_PATCHES }
        let tile = lv_convolution_tile_pixels(set)
        let tiles = (output_width + tile - 1) / tile
        // Tiles along a row would leave half of the registers idle.
        if output_width < tiles * tile / 2 && output_height > 1 { return LV_PATCHES }
        return padding_width > 0 ? LV_PADDED : LV_ROWS
    }

    /// Divides the work of `batch` images evenly among the threads, in several items each so that one that the system
    /// delays takes fewer.
    mutating func schedule(batch: Int, threads: Int) {
        self.batch = batch
        (group_chunks, pixel_chunks, prefetch_groups) = (1, 1, 1)
        let pixels = output_height * output_width
        let tile = lv_convolution_tile_pixels(set)
        let units = mode == LV_FLAT || mode == LV_PATCHES ? max(1, (pixels + tile - 1) / tile) : output_height
        while pixel_chunks < units && lv_convolution_scratch(&self) > Self.scratchLimit { pixel_chunks += 1 }
        guard threads > 1 else { return }
        if pixels < Self.fewPixels && batch < 2 * threads {
            group_chunks = groups
            prefetch_groups = threads
        }
        let items = batch * pixel_chunks * group_chunks
        let least = (4 * threads + items - 1) / items
        pixel_chunks *= Balance.pieces(
            of: items, from: group_chunks > 1 ? 1 : least, to: units / pixel_chunks, threads: threads)
    }
}
