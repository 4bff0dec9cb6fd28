import Testing

@testable import Imaging

/// Views as ViewSampler says they are, value by value.
private struct PlainViews {
    let size: Int
    let rows, columns: Int
    let shrink: Double
    let full, reduced: [[Float]]

    init(_ picture: GreyPicture, size: Int) {
        self.size = size
        let ratio = Double(min(picture.width, picture.height)) / Double(size)
        rows = Int((Double(picture.height) / ratio).rounded(.toNearestOrEven))
        columns = Int((Double(picture.width) / ratio).rounded(.toNearestOrEven))
        shrink = min(Double(picture.height) / Double(rows), Double(picture.width) / Double(columns)) / 2
        let plane = (0..<picture.height).map { y in
            (0..<picture.width).map { Float(picture.pixels[y * picture.width + $0]) / 255 }
        }
        full = plane
        let (height, width) = (
            Int(Double(picture.height) * (1 / shrink)), Int(Double(picture.width) * (1 / shrink))
        )
        func window(_ i: Int, _ input: Int, _ output: Int) -> Range<Int> {
            i * input / output..<((i + 1) * input + output - 1) / output
        }
        reduced =
            shrink <= 1
            ? []
            : (0..<height).map { y in
                (0..<width).map { x in
                    let (down, across) = (window(y, picture.height, height), window(x, picture.width, width))
                    var sum: Float = 0
                    for row in down { for column in across { sum += plane[row][column] } }
                    return sum / Float(down.count) / Float(across.count)
                }
            }
    }

    func sample(_ view: ViewGeometry) -> [Float] {
        func grid(_ count: Int, _ focus: Double) -> [Float] {
            let step = Float(2) / Float(count - 1)
            return (0..<count).map { i in
                let point = i < count / 2 ? Double(step) * Double(i) - 1 : 1 - Double(step) * Double(count - 1 - i)
                return Float(point) / Float(view.scale) + Float((1 - 1 / view.scale) * (2 * focus - 1))
            }
        }
        func tap(_ point: Float, _ extent: Int) -> (Int, Int, Float) {
            let last = Float(extent - 1)
            var position = abs((point + 1) * (last / 2))
            if position > last { position = max(2 * last - position, 0) }
            return (Int(position), min(Int(position) + 1, extent - 1), position - Float(Int(position)))
        }
        let (xs, ys) = (grid(columns, view.focus.x), grid(rows, view.focus.y))
        let zoom = 2 / Double(max(xs.last!, ys.last!) - min(xs.first!, ys.first!))
        let plane = shrink > 1 && shrink > zoom ? reduced : full
        let left = Int(Double(columns - size + 1) * min(view.focus.x, 1 - 1e-7))
        let top = Int(Double(rows - size + 1) * min(view.focus.y, 1 - 1e-7))
        return (0..<size * size).map { i in
            let (row, column) = (i / size, i % size)
            let point = xs[view.isMirrored ? columns - 1 - (left + column) : left + column]
            let (first, second, east) = tap(point, plane[0].count)
            let (upper, lower, south) = tap(ys[top + row], plane.count)
            let (west, north) = (1 - east, 1 - south)
            return plane[upper][first] * (north * west) + plane[upper][second] * (north * east)
                + plane[lower][first] * (south * west) + plane[lower][second] * (south * east)
        }
    }
}

@Suite("View sampler")
struct ViewSamplerTests {
    /// Enlarged and shrunk, also more than the vector kernels take at once; narrower than a vector; odd.
    private static let shapes = [
        (width: 512, height: 623, size: 224), (900, 512, 224), (512, 512, 299), (300, 299, 299), (64, 80, 224),
        (1200, 700, 61), (31, 40, 17), (20, 20, 64), (33, 32, 33), (4000, 90, 40), (2, 3, 16),
    ]

    @Test(
        "every instruction set gives the bits of the plain arithmetic, for pictures of any shape",
        arguments: RenderingKernels.allCases.filter(\.isSupported))
    func equalBits(kernels: RenderingKernels) {
        for (width, height, size) in Self.shapes {
            var generator = SystemRandomNumberGenerator()
            let pixels = (0..<width * height).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let picture = GreyPicture(width: width, height: height, pixels: pixels)
            let plain = PlainViews(picture, size: size)
            let sampler = ViewSampler(picture, size: size, kernels: kernels)
            for view in ViewGeometry.views(of: .cxrRisk, .profile) {
                var grey = [Float](repeating: -1, count: size * size)
                let expected = plain.sample(view)
                grey.withUnsafeMutableBufferPointer { grey in
                    sampler.sample(view, into: grey)
                    #expect(grey.elementsEqual(expected), "\(width) × \(height) to \(size), \(view)")
                    sampler.normalise(grey, mean: 0.485, deviation: 0.229, to: grey.baseAddress!)
                    #expect(grey.elementsEqual(expected.map { ($0 - 0.485) / 0.229 }), "\(width) × \(height)")
                }
            }
        }
    }
}
