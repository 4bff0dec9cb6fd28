import Inference

/// A convolution by transformed tiles, written out plainly in the order that CKernels documents: one value at a time.
struct TiledReference {
    /// One dimension of a tile.
    struct Dimension {
        var outputs: Int
        /// The positive ones of the pairs of points.
        var points: [Float]
        var zero: Bool
        var stride = 1

        static let one = Dimension(outputs: 1, points: [], zero: false)

        var transformed: Int { points.isEmpty ? 1 : 2 * points.count + (zero ? 1 : 0) + 1 }
        var products: Int { transformed + (stride == 2 ? outputs : 0) }
        var taps: Int { points.isEmpty ? 1 : stride == 2 ? 3 : products - outputs + 1 }

        /// Coefficients of the product of (x - p²) without point `skipped`, lowest first.
        private func polynomial(without skipped: Int?) -> [Float] {
            var coefficients: [Float] = [1]
            for (i, point) in points.enumerated() where i != skipped {
                var next = [Float](repeating: 0, count: coefficients.count + 1)
                for (j, value) in coefficients.enumerated() {
                    next[j + 1] += value
                    next[j] -= point * point * value
                }
                coefficients = next
            }
            return coefficients
        }

        func input(_ x: [Float]) -> [Float] {
            guard !points.isEmpty else { return x }
            let z = zero ? 1 : 0
            let even = (0..<transformed).map { x[$0 * stride] }
            /// The highest coefficient is 1; the others follow from high to low.
            func sum(_ coefficients: [Float], from first: Int) -> Float {
                var total = even[first + 2 * (coefficients.count - 1)]
                for j in (0..<coefficients.count - 1).reversed() {
                    total.addProduct(coefficients[j], even[first + 2 * j])
                }
                return total
            }
            var result: [Float] = zero ? [sum(polynomial(without: nil), from: 0)] : []
            for (i, point) in points.enumerated() {
                let coefficients = polynomial(without: i)
                let same = sum(coefficients, from: 1 + z)
                var other = point * even[z + 2 * (coefficients.count - 1)]
                for j in (0..<coefficients.count - 1).reversed() {
                    other.addProduct(point * coefficients[j], even[z + 2 * j])
                }
                result += [same + other, same - other]
            }
            result.append(sum(polynomial(without: nil), from: z))
            if stride == 2 { result += (0..<outputs).map { x[2 * $0 + 1] } }
            return result
        }

        func output(_ x: [Float]) -> [Float] {
            guard !points.isEmpty else { return x }
            let z = zero ? 1 : 0
            return (0..<outputs).map { k in
                let terms = points.indices.map { i in
                    k % 2 == 0 ? x[z + 2 * i] + x[z + 2 * i + 1] : x[z + 2 * i] - x[z + 2 * i + 1]
                }
                let powers = points.map { point in (0..<k).reduce(Float(1)) { power, _ in power * point } }
                var sum = powers[0] * terms[0]
                for i in 1..<terms.count { sum.addProduct(powers[i], terms[i]) }
                if k == 0 && zero { sum += x[0] }
                if k == outputs - 1 { sum += x[transformed - 1] }
                if stride == 2 { sum += x[transformed + k] }
                return sum
            }
        }

        /// The transformed taps: powers of each point over its distances to the others, summed by even and odd power.
        func weights(_ taps: [Double]) -> [Double] {
            guard !points.isEmpty else { return taps }
            let all: [Double] =
                (zero ? [0] : []) + points.flatMap { (point: Float) -> [Double] in [Double(point), -Double(point)] }
            let even = stride == 2 ? [taps[0], taps[2]] : taps
            var result: [Double] = []
            for (i, a) in all.enumerated() {
                let distances = all.indices.filter { $0 != i }.reduce(1.0) { $0 * (a - all[$1]) }
                let terms = even.enumerated().map { power, tap in
                    (0..<power).reduce(1.0) { p, _ in p * a } / distances * tap
                }
                func sum(_ parity: Int) -> Double {
                    terms.enumerated().filter { $0.offset % 2 == parity }.map(\.element).reduce(0, +)
                }
                result.append(a == 0 ? terms[0] : sum(0) + sum(1))
            }
            result.append(taps.last!)
            return result + (stride == 2 ? Array(repeating: taps[1], count: outputs) : [])
        }
    }

    static let tilings: [String: (rows: Dimension, columns: Dimension)] = {
        let four = Dimension(outputs: 4, points: [0.75, 1.5], zero: true)
        let five = Dimension(outputs: 5, points: [0.375, 0.75, 1.5], zero: false)
        let seven = Dimension(outputs: 4, points: [1.125, 0.375, 2, 0.75], zero: true)
        let fourByTwo = Dimension(outputs: 4, points: [0.5, 1.5], zero: false, stride: 2)
        let fiveByTwo = Dimension(outputs: 5, points: [0.75, 1.5], zero: true, stride: 2)
        return [
            "4x4": (four, four), "5x5": (five, five), "1x4": (.one, seven), "4x1": (seven, .one),
            "4x4/2": (fourByTwo, fourByTwo), "5x5/2": (fiveByTwo, fiveByTwo),
        ]
    }()

    var rows: Dimension
    var columns: Dimension

    /// Transformed weights of one input and output channel, [row product][column product].
    private func transform(_ weight: ArraySlice<Float>) -> [[Float]] {
        let taps = weight.map(Double.init)
        let lines = (0..<rows.taps).map { columns.weights(Array(taps[$0 * columns.taps..<($0 + 1) * columns.taps])) }
        return lines[0].indices.map { x in rows.weights(lines.map { $0[x] }) }.transposed.map { $0.map { Float($0) } }
    }

    /// The result for one image, bias added last, no ReLU.
    func run(
        _ input: ArraySlice<Float>, _ shape: FeatureShape, _ weight: [Float], _ bias: [Float],
        _ window: NetworkGraph.Window
    ) -> [Float] {
        let height = (shape.height + 2 * window.padding.height - window.kernel.height) / window.stride.height + 1
        let width = (shape.width + 2 * window.padding.width - window.kernel.width) / window.stride.width + 1
        let taps = rows.taps * columns.taps
        let weights = (0..<bias.count * shape.channels).map { transform(weight[$0 * taps..<($0 + 1) * taps]) }
        var output = [Float](repeating: .nan, count: bias.count * height * width)
        for top in stride(from: 0, to: height, by: rows.outputs) {
            for left in stride(from: 0, to: width, by: columns.outputs) {
                let transformed = (0..<shape.channels).map { channel -> [[Float]] in
                    let lines = (0..<rows.products).map { y -> [Float] in
                        columns.input(
                            (0..<columns.products).map { x in
                                let iy = top * window.stride.height + y - window.padding.height
                                let ix = left * window.stride.width + x - window.padding.width
                                guard 0..<shape.height ~= iy, 0..<shape.width ~= ix else { return 0 }
                                return input[input.startIndex + (channel * shape.height + iy) * shape.width + ix]
                            })
                    }
                    return lines.transposed.map(rows.input).transposed
                }
                for o in bias.indices {
                    let products = (0..<rows.products).map { y in
                        (0..<columns.products).map { x -> Float in
                            (0..<shape.channels).reduce(into: Float(0)) { sum, c in
                                sum.addProduct(transformed[c][y][x], weights[o * shape.channels + c][y][x])
                            }
                        }
                    }
                    let half = products.transposed.map(rows.output).transposed
                    for (y, line) in half.enumerated() where top + y < height {
                        for (x, value) in columns.output(line).enumerated() where left + x < width {
                            output[(o * height + top + y) * width + left + x] = value + bias[o]
                        }
                    }
                }
            }
        }
        return output
    }
}

extension [[Float]] {
    fileprivate var transposed: [[Float]] { self[0].indices.map { column in map { $0[column] } } }
}

extension [[Double]] {
    fileprivate var transposed: [[Double]] { self[0].indices.map { column in map { $0[column] } } }
}
