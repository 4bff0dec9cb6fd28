internal import CKernels

/// How a convolution is blocked. Nothing here changes a bit of its result.
extension lv_convolution {
    /// Floats of scratch (512 KiB) that still leave room for a group's weights in a second-level cache of 1 MiB.
    private static let scratchLimit = 1 << 17
    /// Below this many output pixels an image is divided by output channels, above by pixels.
    private static let fewPixels = 600

    private var groups: Int {
        let blocks = LV_GROUP / LV_LANES
        return (output_blocks + blocks - 1) / blocks
    }

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

    /// Divides the work of `batch` images into several items a thread.
    mutating func schedule(batch: Int, threads: Int) {
        self.batch = batch
        let wanted = threads == 1 ? 1 : threads * 4
        let perImage = (wanted + batch - 1) / batch
        let pixels = output_height * output_width
        let tile = lv_convolution_tile_pixels(set)
        let units = mode == LV_FLAT || mode == LV_PATCHES ? max(1, pixels / tile) : output_height
        if pixels >= Self.fewPixels {
            group_chunks = 1
            pixel_chunks = min(units, perImage)
        } else {
            group_chunks = min(groups, perImage)
            pixel_chunks = min(units, (perImage + group_chunks - 1) / group_chunks)
        }
        while pixel_chunks < units && lv_convolution_scratch(&self) > Self.scratchLimit { pixel_chunks += 1 }
    }
}
