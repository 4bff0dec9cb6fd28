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

    /// Where an output row or column falls between two input ones.
    private struct Tap {
        let first: Int
        let second: Int
        /// The share of `second`; `first` has the rest.
        let fraction: Float
    }

    private let size: Int
    /// Rows and columns of the whole sampling grid.
    private let rows: Int
    private let columns: Int
    private let shrink: Double
    private let full: Plane
    private let reduced: Plane?

    init(_ picture: GreyPicture, size: Int) {
        self.size = size
        let ratio = Double(min(picture.width, picture.height)) / Double(size)
        // Python's round: halves to even.
        rows = Int((Double(picture.height) / ratio).rounded(.toNearestOrEven))
        columns = Int((Double(picture.width) / ratio).rounded(.toNearestOrEven))
        shrink = min(Double(picture.height) / Double(rows), Double(picture.width) / Double(columns)) / 2
        let unit = (0...255).map { Float($0) / 255 }
        full = Plane(width: picture.width, height: picture.height, values: picture.pixels.map { unit[Int($0)] })
        reduced = shrink > 1 ? Self.areaReduced(full, by: 1 / shrink) : nil
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
        let across = (0..<size).map { column in
            let point = xs[view.isMirrored ? columns - 1 - (left + column) : left + column]
            return Self.tap(point, extent: plane.width)
        }
        plane.values.withUnsafeBufferPointer { values in
            across.withUnsafeBufferPointer { across in
                for row in 0..<size {
                    let down = Self.tap(ys[top + row], extent: plane.height)
                    let upper = values.baseAddress! + down.first * plane.width
                    let lower = values.baseAddress! + down.second * plane.width
                    let (south, north) = (down.fraction, 1 - down.fraction)
                    let line = output.baseAddress! + row * size
                    for column in 0..<size {
                        let tap = across[column]
                        let (east, west) = (tap.fraction, 1 - tap.fraction)
                        line[column] =
                            upper[tap.first] * (north * west) + upper[tap.second] * (north * east)
                            + lower[tap.first] * (south * west) + lower[tap.second] * (south * east)
                    }
                }
            }
        }
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

    /// The two pixels around grid `point` (−1 … 1 from the first to the last pixel's centre), reflected at the edges.
    private static func tap(_ point: Float, extent: Int) -> Tap {
        let last = Float(extent - 1)
        var position = abs((point + 1) * (last / 2))
        if position > last { position = max(2 * last - position, 0) }  // rounding may step over the edge by a little
        let first = Int(position)
        return Tap(first: first, second: min(first + 1, extent - 1), fraction: position - Float(first))
    }

    /// `plane` averaged to `scale` times its size, rounded down, over windows that cover it (PyTorch's adaptive average
    /// pooling): output i averages inputs ⌊i·n/m⌋ … ⌈(i+1)·n/m⌉ − 1, summed row by row.
    private static func areaReduced(_ plane: Plane, by scale: Double) -> Plane {
        let width = Int(Double(plane.width) * scale)
        let height = Int(Double(plane.height) * scale)
        func window(_ i: Int, _ input: Int, _ output: Int) -> (start: Int, end: Int) {
            (i * input / output, ((i + 1) * input + output - 1) / output)
        }
        let across = (0..<width).map { window($0, plane.width, width) }
        let values = [Float](unsafeUninitializedCapacity: width * height) { values, count in
            plane.values.withUnsafeBufferPointer { source in
                across.withUnsafeBufferPointer { across in
                    for y in 0..<height {
                        let down = window(y, plane.height, height)
                        let line = values.baseAddress! + y * width
                        for x in 0..<width {
                            let span = across[x]
                            var sum: Float = 0
                            for row in down.start..<down.end {
                                let input = source.baseAddress! + row * plane.width
                                for column in span.start..<span.end { sum += input[column] }
                            }
                            line[x] = sum / Float(down.end - down.start) / Float(span.end - span.start)
                        }
                    }
                }
            }
            count = width * height
        }
        return Plane(width: width, height: height, values: values)
    }
}
