import TestSupport
import Testing

@testable import Imaging

@Suite("Grey pictures")
struct GreyPictureTests {
    @Test("identity is the SHA-256 of the PGM form")
    func identity() {
        // printf 'P5\n3 2\n255\n\000\001\002\003\004\377' | sha256sum
        let picture = GreyPicture(width: 3, height: 2, pixels: [0, 1, 2, 3, 4, 255])
        #expect(picture.sha256 == "088f3332d6540c3b1985bac4e2917de354b04cc46718ecdffa5fe3fdbdf6aad7")
    }

    @Test("pictures of equal pixels but different shape differ in identity")
    func shape() {
        let pixels = [UInt8](0..<12)
        #expect(
            GreyPicture(width: 3, height: 4, pixels: pixels).sha256
                != GreyPicture(width: 4, height: 3, pixels: pixels).sha256)
    }

    @Test("a picture survives PNG and back", arguments: [(1, 1), (1, 257), (300, 1), (131, 77), (512, 640)])
    func roundTrip(width: Int, height: Int) throws {
        var random = SeededGenerator(state: UInt64(width * 1000 + height))
        let pixels = (0..<width * height).map {
            UInt8(truncatingIfNeeded: $0 / 7 + Int.random(in: 0..<9, using: &random))
        }
        let picture = GreyPicture(width: width, height: height, pixels: pixels)
        #expect(try GreyPicture(pngFile: picture.pngFile()).sha256 == picture.sha256)
    }

    @Test("a stored picture must be an 8-bit grey PNG", arguments: ["grey16.png", "rgb.png", "grey.jpg"])
    func storedKind(name: String) throws {
        let bytes = try Fixtures.bytes(name)
        let error = #expect(throws: ImagingError.self) { try GreyPicture(pngFile: bytes) }
        #expect(error?.code == .unsupported)
    }
}
