internal import CKernels

/// The tiles by which a convolution is transformed (Winograd): part of its arithmetic.
struct ConvolutionTiling: Equatable {
    var rows: lv_tiling
    var columns: lv_tiling
    /// As the plan's identity writes it.
    var name: String

    static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    /// Tiles for square kernels of 3, and for rows and columns of 7, with the errors that their points were chosen for
    /// (docs/performance.md). Tiles of 5 at 3 taps of stride 1 save more and err more.
    private static let known: [(kernel: Extent, stride: Int, tiling: ConvolutionTiling)] = [
        (Extent(3), 1, .init(rows: LV_4_OF_3, columns: LV_4_OF_3, name: "4x4")),
        (Extent(3), 1, .init(rows: LV_5_OF_3, columns: LV_5_OF_3, name: "5x5")),
        (Extent(3), 2, .init(rows: LV_4_OF_3_STRIDE_2, columns: LV_4_OF_3_STRIDE_2, name: "4x4/2")),
        (Extent(3), 2, .init(rows: LV_5_OF_3_STRIDE_2, columns: LV_5_OF_3_STRIDE_2, name: "5x5/2")),
        (Extent(1, 7), 1, .init(rows: LV_NO_TILING, columns: LV_4_OF_7, name: "1x4")),
        (Extent(7, 1), 1, .init(rows: LV_4_OF_7, columns: LV_NO_TILING, name: "4x1")),
    ]

    static func candidates(for window: NetworkGraph.Window) -> [ConvolutionTiling] {
        known.filter { window.kernel == $0.kernel && window.stride == Extent($0.stride) }.map(\.tiling)
    }
}

/// What decides how a convolution is computed: its shape alone, never the machine, the batch or the threads.
struct ConvolutionGeometry {
    var window: NetworkGraph.Window
    var inputs: Int
    var output: FeatureShape
    var outputBlocks: Int

    private var outputs: Int { outputBlocks * LV_LANES }

    /// Products of a tile's extents: multiply-adds of one image.
    func multiplyAdds(_ tiling: ConvolutionTiling?) -> Int {
        guard let tiling else { return output.pixels * window.kernel.height * window.kernel.width * inputs * outputs }
        return tiles(tiling) * lv_tiling_shape_of(tiling.rows, tiling.columns).products * inputs * outputs
    }

    func description(_ tiling: ConvolutionTiling?) -> String {
        let kernel = "\(window.kernel.height)×\(window.kernel.width)"
        let stride = window.stride == Extent(1) ? "" : " stride \(window.stride.height)"
        return
            "\(kernel)\(stride) at \(output.height)×\(output.width), \(tiling.map { "tiles " + $0.name } ?? "direct")"
    }

    private func tiles(_ tiling: ConvolutionTiling) -> Int {
        let shape = lv_tiling_shape_of(tiling.rows, tiling.columns)
        return ((output.height + shape.rows - 1) / shape.rows) * ((output.width + shape.columns - 1) / shape.columns)
    }

    /// The tiling that takes the least time by a model of it, or nil where computing directly does.
    ///
    /// In cycles of one core with a multiply-add of 16 lanes a cycle: multiply-adds; transforms at 10 cycles a product;
    /// and one cycle a weight, which at batch 1 comes from memory. Measured on the layers of Inception-v4.
    func fastestTiling() -> ConvolutionTiling? {
        let taps = window.kernel.height * window.kernel.width
        let inputBlocks = (inputs + LV_LANES - 1) / LV_LANES
        let direct = output.pixels * taps * inputs * outputBlocks + taps * inputs * outputs
        var best: (cycles: Int, tiling: ConvolutionTiling)?
        for tiling in ConvolutionTiling.candidates(for: window) {
            let shape = lv_tiling_shape_of(tiling.rows, tiling.columns)
            let cycles =
                tiles(tiling) * shape.products * (inputs * outputBlocks + 10 * (inputBlocks + outputBlocks))
                + shape.weights * inputs * outputs
            if cycles < min(direct, best?.cycles ?? .max) { best = (cycles, tiling) }
        }
        return best?.tiling
    }
}
