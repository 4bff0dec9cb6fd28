internal import CKernels

/// How a tiled convolution is divided. Nothing here changes a bit of its result.
extension lv_winograd {
    /// Floats of scratch (512 KiB) that still leave room for weights in a second-level cache of 1 MiB.
    private static let scratchLimit = 1 << 17

    private var groups: Int {
        let blocks = LV_GROUP / LV_LANES
        return (output_blocks + blocks - 1) / blocks
    }

    /// Divides the tiles of `batch` images, or where they are few, the outputs.
    mutating func schedule(batch: Int, threads: Int) {
        self.batch = batch
        (shared, group_chunks, tile_chunks, prefetch_groups) = (false, 1, 1, 1)
        let tiles = batch * lv_winograd_tiles(&self)
        // At least one full tile of registers, whatever the scratch.
        let most = max(1, tiles / lv_convolution_tile_pixels(set))
        while tile_chunks < most && lv_winograd_scratch(&self) > Self.scratchLimit { tile_chunks += 1 }
        guard threads > 1 else { return }
        if tile_chunks >= 2 * threads || most >= 4 * threads {
            tile_chunks = max(tile_chunks, min(2 * threads, most))
            tile_chunks = (tile_chunks + threads - 1) / threads * threads
            return
        }
        // Too few pieces: all threads transform the input once, then divide the outputs.
        shared = true
        group_chunks = groups
        prefetch_groups = threads
        tile_chunks = Balance.pieces(of: groups, from: 1, to: min(4, most), threads: threads)
    }
}

/// Even work for all threads.
enum Balance {
    /// Into how many pieces, at least `from`, to cut each of `items` equal items so that the last thread ends soonest.
    /// Each further piece must gain 2 %, about what it costs.
    static func pieces(of items: Int, from least: Int, to most: Int, threads: Int) -> Int {
        let most = max(1, most)
        let least = min(least, most)
        var best = (pieces: least, time: Double.infinity)
        for pieces in least...min(most, least + threads) {
            let rounds = (items * pieces + threads - 1) / threads
            let time = Double(rounds) / Double(pieces) * (1 + 0.02 * Double(pieces - least))
            if time < best.time { best = (pieces, time) }
        }
        return best.pieces
    }
}
