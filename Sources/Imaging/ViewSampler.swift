internal import CRendering

/// Samples views of one picture, in the arithmetic of fastai 1.0.55 over PyTorch.
///
/// The picture is thought of as resized so that its shorter side is `size` (in truth only the crop is sampled), by
/// bilinear interpolation on a grid whose outer points are the outer pixels' centres. Where the picture would shrink
/// more than twofold, and more than the view zooms, it is first averaged down by half that ratio (area reduction).
struct ViewSampler {
    /// A float32 plane, row-major, values 0 … 1.
    private struct Plane {
        let width: Int
        let height: Int
        let values: [Float]
    }

    /// Between which inputs along an axis each output falls.
    private struct Taps {
        var first: [Int32] = []
        var second: [Int32] = []
        /// The share of `second`; `first` has the rest.
        var fraction: [Float] = []

        /// The two pixels around each grid point (−1 … 1 from the first to the last pixel's centre), reflected at the edges.
        init(_ points: some Collection<Float>, extent: Int) {
            let last = Float(extent - 1)
            for point in points {
                // Rounding may step over the edge by a little.
                var position = abs((point + 1) * (last / 2))
                if position > last { position = max(2 * last - position, 0) }
                let index = Int(position)
                first.append(Int32(index))
                second.append(Int32(min(index + 1, extent - 1)))
                fraction.append(position - Float(index))
            }
        }

        /// Calls `body` with the taps as the kernels take them.
        func withKernelTaps(_ body: (UnsafePointer<lv_taps>) -> Void) {
            func call(_ first: UnsafePointer<Int32>, _ second: UnsafePointer<Int32>, _ fraction: UnsafePointer<Float>) {
                var taps = lv_taps(count: self.first.count, first: first, second: second, fraction: fraction)
                body(&taps)
            }
            call(first, second, fraction)
        }
    }

    /// Which inputs along an axis each output averages.
    private struct Windows {
        private let starts, ends: [Int32]

        /// ⌊i·n/m⌋ … ⌈(i+1)·n/m⌉ − 1 for output i of m, of n inputs.
        init(_ input: Int, to output: Int) {
            starts = (0..<output).map { Int32($0 * input / output) }
            ends = (0..<output).map { Int32((($0 + 1) * input + output - 1) / output) }
        }

        /// Calls `body` with the windows as the kernels take them.
        func withKernelWindows(_ body: (UnsafePointer<lv_windows>) -> Void) {
            func call(_ starts: UnsafePointer<Int32>, _ ends: UnsafePointer<Int32>) {
                var windows = lv_windows(count: self.starts.count, starts: starts, ends: ends)
                body(&windows)
            }
            call(starts, ends)
        }
    }

    private let kernels: RenderingKernels
    private let size: Int
    /// Rows and columns of the whole sampling grid.
    private let rows: Int
    private let columns: Int
    private let shrink: Double
    private let full: Plane
    private let reduced: Plane?

    init(_ picture: GreyPicture, size: Int, kernels: RenderingKernels = .best) {
        self.kernels = kernels
        self.size = size
        let ratio = Double(min(picture.width, picture.height)) / Double(size)
        // Python's round: halves to even.
        rows = Int((Double(picture.height) / ratio).rounded(.toNearestOrEven))
        columns = Int((Double(picture.width) / ratio).rounded(.toNearestOrEven))
        shrink = min(Double(picture.height) / Double(rows), Double(picture.width) / Double(columns)) / 2
        let pixels = picture.pixels
        let values = [Float](unsafeUninitializedCapacity: pixels.count) { values, count in
            lv_unit(pixels, pixels.count, values.baseAddress, kernels.set)
            count = pixels.count
        }
        full = Plane(width: picture.width, height: picture.height, values: values)
        reduced = shrink > 1 ? Self.areaReduced(full, by: 1 / shrink, kernels) : nil
    }

    /// Writes the `size` × `size` grey values (0 … 1) of `view` into `output`.
    func sample(_ view: ViewGeometry, into output: UnsafeMutableBufferPointer<Float>) {
        precondition(output.count == size * size)
        let xs = Self.grid(columns, scale: view.scale, focus: view.focus.x)
        let ys = Self.grid(rows, scale: view.scale, focus: view.focus.y)
        let zoom = 2 / Double(max(xs.last!, ys.last!) - min(xs.first!, ys.first!))
        let plane = if let reduced, shrink > zoom { reduced } else { full }

        // The crop is fastai's: the focus decides where, and mirroring comes before it.
        let left = Self.cropStart(columns, size: size, focus: view.focus.x)
        let top = Self.cropStart(rows, size: size, focus: view.focus.y)
        let (mirrored, line) = (columns - left, left..<left + size)
        let across =
            view.isMirrored
            ? Taps(xs[mirrored - size..<mirrored].reversed(), extent: plane.width) : Taps(xs[line], extent: plane.width)
        let down = Taps(ys[top..<top + size], extent: plane.height)
        across.withKernelTaps { across in
            down.withKernelTaps { down in
                lv_sample(plane.values, plane.width, across, down, output.baseAddress, kernels.set)
            }
        }
    }

    /// Writes what the network is given in one channel of `grey` values, which may be where they are.
    func normalise(
        _ grey: UnsafeMutableBufferPointer<Float>, mean: Float, deviation: Float, to output: UnsafeMutablePointer<Float>
    ) {
        lv_normalise(grey.baseAddress, grey.count, mean, deviation, output, kernels.set)
    }

    private static func cropStart(_ extent: Int, size: Int, focus: Double) -> Int {
        Int(Double(extent - size + 1) * min(focus, 1 - 1e-7))
    }

    /// `count` points from −1 to 1, zoomed by `scale` about `focus`.
    private static func grid(_ count: Int, scale: Double, focus: Double) -> [Float] {
        let step = Float(2) / Float(count - 1)
        let shift = Float((1 - 1 / scale) * (2 * focus - 1))
        return (0..<count).map { i in
            // Each half counts from its own end. Exact in float64, then rounded once: what a fused multiply-add gives.
            let point = i < count / 2 ? Double(step) * Double(i) - 1 : 1 - Double(step) * Double(count - 1 - i)
            return Float(point) / Float(scale) + shift
        }
    }

    /// `plane` averaged to `scale` times its size, rounded down, over windows that cover it (PyTorch's adaptive average
    /// pooling), summed row by row.
    private static func areaReduced(_ plane: Plane, by scale: Double, _ kernels: RenderingKernels) -> Plane {
        let width = Int(Double(plane.width) * scale)
        let height = Int(Double(plane.height) * scale)
        let values = [Float](unsafeUninitializedCapacity: width * height) { values, count in
            Windows(plane.width, to: width).withKernelWindows { across in
                Windows(plane.height, to: height).withKernelWindows { down in
                    lv_average(plane.values, plane.width, across, down, values.baseAddress, kernels.set)
                }
            }
            count = width * height
        }
        return Plane(width: width, height: height, values: values)
    }
}
