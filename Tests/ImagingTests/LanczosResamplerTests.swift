import TestSupport
import Testing

@testable import Imaging

@Suite("Resampling")
struct LanczosResamplerTests {
    @Test(
        "every pixel equals Pillow's LANCZOS, whatever the instruction set",
        arguments: ["shrink", "enlarge", "mixed", "steep"], RenderingKernels.allCases.filter(\.isSupported))
    func equalsPillow(name: String, kernels: RenderingKernels) throws {
        let input = try GreyPicture(pngFile: Fixtures.bytes("lanczos-\(name)-input.png"))
        let expected = try GreyPicture(pngFile: Fixtures.bytes("lanczos-\(name)-pillow.png"))
        let result = LanczosResampler.resample(
            input, width: expected.width, height: expected.height, kernels: kernels)
        #expect(result.sha256 == expected.sha256)
    }

    @Test("the longer side is the exact ratio rounded, halves to even")
    func longerSide() {
        #expect(LanczosResampler.size(width: 1841, height: 1955, shorterSide: 512) == (512, 544))
        #expect(LanczosResampler.size(width: 440, height: 440, shorterSide: 512) == (512, 512))
        #expect(LanczosResampler.size(width: 1025, height: 1024, shorterSide: 512) == (512, 512))  // 512.5
        #expect(LanczosResampler.size(width: 1027, height: 1024, shorterSide: 512) == (514, 512))  // 513.5
        #expect(LanczosResampler.size(width: 3, height: 30, shorterSide: 512) == (512, 5120))
    }

    @Test("a constant picture stays constant at any size")
    func constant() {
        let picture = GreyPicture(width: 37, height: 91, pixels: [UInt8](repeating: 200, count: 37 * 91))
        for (width, height) in [(5, 3), (64, 200), (36, 92)] {
            let result = LanczosResampler.resample(picture, width: width, height: height)
            #expect(result.pixels.allSatisfy { $0 == 200 })
        }
    }

    @Test(
        "sizes that fill no vector give the same pixels by every instruction set",
        arguments: RenderingKernels.allCases.filter { $0.isSupported && $0 != .portable })
    func equalBits(kernels: RenderingKernels) {
        var random = SeededGenerator(state: 17)
        for (width, height) in [(1, 1), (1, 40), (3, 5), (15, 17), (33, 31), (64, 64), (67, 129), (255, 8), (401, 95)] {
            // Extremes only: the sharpest edges, which overshoot on both sides.
            let pixels = (0..<width * height).map { _ -> UInt8 in Bool.random(using: &random) ? 255 : 0 }
            let picture = GreyPicture(width: width, height: height, pixels: pixels)
            for (newWidth, newHeight) in [(1, 1), (width, 7), (9, height), (31, 16), (100, 65), (513, 3)] {
                let expected = LanczosResampler.resample(
                    picture, width: newWidth, height: newHeight, kernels: .portable)
                let result = LanczosResampler.resample(picture, width: newWidth, height: newHeight, kernels: kernels)
                #expect(result == expected, "\(width) × \(height) to \(newWidth) × \(newHeight)")
            }
        }
    }
}
