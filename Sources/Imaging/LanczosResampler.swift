internal import CRendering

/// Separable Lanczos resampling of 8-bit pictures in fixed point, so that every CPU computes the same bits.
///
/// The filter is the sinc windowed by its own main lobe over three lobes a side (Duchon 1979; Turkowski, "Filters for
/// Common Resampling Tasks", 1990). Where the picture shrinks, it is widened by the ratio, so that it averages over all
/// the pixels an output pixel stands for. Weights are normalised to a sum of one and rounded to 22 fractional bits;
/// rows are filtered first, to 8 bits, then columns. The same construction as Pillow's LANCZOS, in which the reference
/// scores were computed; tests hold the two to equal pixels. (Pillow 13 filters columns first where one axis grows and
/// the other shrinks; keeping the picture's proportions never asks for that.)
struct LanczosResampler {
    /// How provenance names this construction; a change of any output bit needs a new name.
    static let name = "lanczos3-fixed22"

    private static let lobes = 3.0
    private static let fractionBits = 22

    /// The weights of one axis: output position i is the sum of `weights[i * stride + j]` × input `starts[i] + j` over
    /// j < `counts[i]`; the weights beyond are 0.
    private struct Axis {
        let input, output: Int
        private var starts: [Int32] = []
        private var counts: [Int32] = []
        private var weights: [Int32] = []
        private var stride = 0

        init(input: Int, output: Int, _ kernels: RenderingKernels) {
            self.input = input
            self.output = output
            guard input != output else {
                // Left as it is: each pixel is its own sum.
                starts = (0..<output).map(Int32.init)
                counts = [Int32](repeating: 1, count: output)
                weights = [Int32](repeating: 1 << fractionBits, count: output)
                stride = 1
                return
            }
            let ratio = Double(input) / Double(output)
            let widening = max(ratio, 1)
            let support = lobes * widening
            stride = Int(support.rounded(.up)) * 2 + 1
            // All distances first, then all weights at once.
            var distances = [Double](repeating: lobes, count: output * stride)
            for i in 0..<output {
                let center = (Double(i) + 0.5) * ratio
                let start = max(Int(center - support + 0.5), 0)
                let count = min(Int(center + support + 0.5), input) - start
                for j in 0..<count {
                    distances[i * stride + j] = (Double(start + j) - center + 0.5) * (1 / widening)
                }
                starts.append(Int32(start))
                counts.append(Int32(count))
            }
            let real = [Double](unsafeUninitializedCapacity: output * stride) { real, count in
                lv_lanczos(distances, distances.count, real.baseAddress, kernels.set)
                count = distances.count
            }
            weights = [Int32](repeating: 0, count: output * stride)
            for i in 0..<output {
                var sum = 0.0
                for j in 0..<Int(counts[i]) { sum += real[i * stride + j] }
                for j in 0..<Int(counts[i]) {
                    let scaled = real[i * stride + j] / sum * Double(1 << fractionBits)
                    weights[i * stride + j] = Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
                }
            }
        }

        func withKernelAxis<Result>(_ body: (UnsafePointer<lv_axis>) -> Result) -> Result {
            starts.withUnsafeBufferPointer { starts in
                counts.withUnsafeBufferPointer { counts in
                    weights.withUnsafeBufferPointer { weights in
                        var axis = lv_axis(
                            input: input, output: output, starts: starts.baseAddress, counts: counts.baseAddress,
                            weights: weights.baseAddress, stride: stride)
                        return body(&axis)
                    }
                }
            }
        }
    }

    /// The size of a picture whose shorter side becomes `shorterSide`: the longer side times the same ratio, computed
    /// exactly and rounded to the nearest pixel, halves to even.
    static func size(width: Int, height: Int, shorterSide: Int) -> (width: Int, height: Int) {
        let (short, long) = (min(width, height), max(width, height))
        let (quotient, remainder) = (long * shorterSide).quotientAndRemainder(dividingBy: short)
        let up = 2 * remainder > short || (2 * remainder == short && quotient % 2 == 1)
        let longer = quotient + (up ? 1 : 0)
        return width <= height ? (shorterSide, longer) : (longer, shorterSide)
    }

    /// `picture` at `width` × `height` (both at least 1). An axis whose size stays is left as it is.
    static func resample(
        _ picture: GreyPicture, width: Int, height: Int, kernels: RenderingKernels = .best
    ) -> GreyPicture {
        if (width, height) == (picture.width, picture.height) { return picture }
        let across = Axis(input: picture.width, output: width, kernels)
        let down = Axis(input: picture.height, output: height, kernels)
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height) { pixels, count in
            let done = across.withKernelAxis { across in
                down.withKernelAxis { down in
                    picture.pixels.withUnsafeBufferPointer {
                        lv_resample($0.baseAddress, across, down, pixels.baseAddress, kernels.set)
                    }
                }
            }
            precondition(done, "there is no memory to resample a picture")
            count = width * height
        }
        return GreyPicture(width: width, height: height, pixels: pixels)
    }
}
