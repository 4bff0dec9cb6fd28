import Testing

@testable import Imaging

@Suite("Resampling")
struct LanczosResamplerTests {
    @Test("every pixel equals Pillow's LANCZOS", arguments: ["shrink", "enlarge", "mixed", "steep"])
    func equalsPillow(name: String) throws {
        let input = try GreyPicture(pngFile: Fixtures.bytes("lanczos-\(name)-input.png"))
        let expected = try GreyPicture(pngFile: Fixtures.bytes("lanczos-\(name)-pillow.png"))
        let result = LanczosResampler.resample(input, width: expected.width, height: expected.height)
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
}
