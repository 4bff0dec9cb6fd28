import Foundation
import Inference
import TestSupport

/// What the kernels of a quantised plan compute, naively and in the documented order.
enum QuantisedReference {
    /// Bytes of a feature map, (channel, row, column), and what they stand for, by channel.
    struct Map {
        var shape: FeatureShape
        var bytes: [UInt8]
        var scale: [Float]
        var zero: [UInt8]

        var pixels: Int { shape.height * shape.width }

        /// As flattening gives them.
        var values: [Float] {
            bytes.indices.map { (Float(bytes[$0]) - Float(zero[$0 / pixels])) * scale[$0 / pixels] }
        }

        init(_ values: ArraySlice<Float>, _ shape: FeatureShape, scale: [Float], zero: [UInt8]) {
            (self.shape, self.scale, self.zero) = (shape, scale, zero)
            bytes = []
            for (i, value) in values.enumerated() {
                let channel = i / pixels
                bytes.append(
                    QuantisedReference.byte(value, Float(1 / Double(scale[channel])), Float(zero[channel])))
            }
        }

        init(_ shape: FeatureShape, _ bytes: [UInt8], scale: [Float], zero: [UInt8]) {
            (self.shape, self.bytes, self.scale, self.zero) = (shape, bytes, scale, zero)
        }

        static func + (a: Self, b: Self) -> Self {
            var shape = a.shape
            shape.channels += b.shape.channels
            return Self(shape, a.bytes + b.bytes, scale: a.scale + b.scale, zero: a.zero + b.zero)
        }
    }

    static func byte(_ value: Float, _ scale: Float, _ shift: Float) -> UInt8 {
        UInt8(min(max(shift.addingProduct(value, scale), 0), 255).rounded(.toNearestOrEven))
    }

    /// A convolution's tensors.
    struct Layer {
        var window: NetworkGraph.Window
        var weights: [Int8]
        var weightScale, bias: [Float]
        /// Of the result.
        var scale: [Float]
        var zero: [UInt8]

        init(_ test: KernelTests.Case, _ random: inout SeededGenerator) {
            window = test.window
            let taps = window.kernel.height * window.kernel.width
            let products = test.input.channels * taps
            weights = (0..<test.outputs * products).map { _ in Int8.random(in: -127...127, using: &random) }
            // Results reach over all bytes and a little farther.
            let spread = 73 * 74 * Float(products).squareRoot()
            weightScale = random.floats(test.outputs, in: 1 / spread...2 / spread)
            bias = random.floats(test.outputs)
            scale = random.floats(test.outputs, in: 0.01...0.03)
            zero = (0..<test.outputs).map { _ in test.relu ? 0 : UInt8.random(in: 80...160, using: &random) }
        }

        func run(_ input: Map) -> Map {
            let (shape, kernel) = (input.shape, window.kernel)
            let height = (shape.height + 2 * window.padding.height - kernel.height) / window.stride.height + 1
            let width = (shape.width + 2 * window.padding.width - kernel.width) / window.stride.width + 1
            var bytes: [UInt8] = []
            for o in scale.indices {
                let factor = Float(Double(weightScale[o]) / Double(scale[o]))
                let shift = Float(Double(bias[o]) / Double(scale[o]) + Double(zero[o]))
                for y in 0..<height {
                    for x in 0..<width {
                        var sum = 0
                        for c in 0..<shape.channels {
                            for ky in 0..<kernel.height {
                                let iy = y * window.stride.height + ky - window.padding.height
                                guard 0..<shape.height ~= iy else { continue }
                                for kx in 0..<kernel.width {
                                    let ix = x * window.stride.width + kx - window.padding.width
                                    guard 0..<shape.width ~= ix else { continue }
                                    let tap = ((o * shape.channels + c) * kernel.height + ky) * kernel.width + kx
                                    let pixel = input.bytes[(c * shape.height + iy) * shape.width + ix]
                                    sum += Int(weights[tap]) * (Int(pixel) - Int(input.zero[c]))
                                }
                            }
                        }
                        bytes.append(QuantisedReference.byte(Float(sum), factor, shift))
                    }
                }
            }
            return Map(
                FeatureShape(channels: scale.count, height: height, width: width), bytes, scale: scale, zero: zero)
        }

        /// The file's tensors of the convolution `name`, whose result is `result`.
        func tensors(_ name: String, result: String, inputs: Int) -> [ByteTensor] {
            let shape = [scale.count, inputs, window.kernel.height, window.kernel.width]
            return [
                ByteTensor(name + ".weight", "I8", shape, weights.map { UInt8(bitPattern: $0) }),
                ByteTensor(name + ".weight.scale", weightScale), ByteTensor(name + ".bias", bias),
            ] + ByteTensor.activation(result, scale, zero)
        }
    }
}

/// A tensor of any type, as the file has it.
struct ByteTensor {
    var name, dtype: String
    var shape: [Int]
    var bytes: [UInt8]

    init(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
        (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
    }

    init(_ name: String, _ values: [Float]) {
        self.init(
            name, "F32", [values.count],
            values.flatMap { value in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            })
    }

    static func activation(_ value: String, _ scale: [Float], _ zero: [UInt8]) -> [ByteTensor] {
        [
            ByteTensor("activation.\(value).scale", scale),
            ByteTensor("activation.\(value).zero_point", "U8", [zero.count], zero),
        ]
    }
}

extension TemporaryFolder {
    func safetensors(_ tensors: [ByteTensor]) throws -> SafetensorsFile {
        var entries: [String] = []
        var data = Data()
        for tensor in tensors {
            let begin = data.count
            data.append(contentsOf: tensor.bytes)
            entries.append(
                #""\#(tensor.name)":{"dtype":"\#(tensor.dtype)","shape":\#(tensor.shape),"#
                    + #""data_offsets":[\#(begin),\#(data.count)]}"#)
        }
        return try safetensors(header: "{\(entries.joined(separator: ","))}", data: data)
    }
}
