import Foundation
import TestSupport
import Testing

@testable import Imaging

@Suite("Picture files")
struct ImageFileTests {
    struct Decoded: Decodable {
        let width, height: Int
        /// Little-endian 16-bit grey values.
        let grey: Data
    }

    @Test("every colour type decodes to the grey levels Pillow gives")
    func decodes() throws {
        let expected = try Fixtures.json("decoded.json", as: [String: Decoded].self)
        #expect(expected.count == 9)
        for (name, decoded) in expected {
            let file = try ImageFile(Fixtures.bytes(name))
            let grey = stride(from: 0, to: decoded.grey.count, by: 2).map {
                UInt16(decoded.grey[$0]) | UInt16(decoded.grey[$0 + 1]) << 8
            }
            #expect(file.width == decoded.width && file.height == decoded.height, "\(name)")
            switch file.samples {
            case .eight(let samples):
                // JPEG decoders may differ by their inverse transform's rounding; PNG may not differ at all.
                let tolerance = file.kind == .jpeg ? 1 : 0
                let worst = zip(samples, grey).map { abs(Int($0) - Int($1)) }.max()
                #expect(samples.count == grey.count && worst! <= tolerance, "\(name)")
            case .sixteen(let samples): #expect(samples == grey, "\(name)")
            }
        }
    }

    @Test("a file is known by its first bytes")
    func sniff() throws {
        #expect(ImageFileKind.sniff(try Fixtures.bytes("rgb.png")) == .png)
        #expect(ImageFileKind.sniff(try Fixtures.bytes("rgb.jpg")) == .jpeg)
        #expect(ImageFileKind.sniff([]) == nil)
        #expect(ImageFileKind.sniff([0x89, 0x50]) == nil)
        #expect(ImageFileKind.sniff(Array("GIF89a".utf8)) == nil)
    }

    @Test("every prefix of a PNG file is refused as cut off", arguments: ["rgb.png", "grey16.png", "interlaced.png"])
    func truncatedPNG(name: String) throws {
        let bytes = try Fixtures.bytes(name)
        for length in stride(from: 8, to: bytes.count, by: 7) {
            #expect(errorCode { try ImageFile(Array(bytes.prefix(length))) } == .truncated, "\(length) bytes")
        }
    }

    @Test(
        "a JPEG file cut off anywhere is refused, never completed with grey",
        arguments: ["grey.jpg", "progressive.jpg"])
    func truncatedJPEG(name: String) throws {
        let bytes = try Fixtures.bytes(name)
        for length in stride(from: 3, to: bytes.count - 2, by: 7) {
            let error = #expect(throws: ImagingError.self) { try ImageFile(Array(bytes.prefix(length))) }
            #expect(error?.code == .truncated || error?.code == .damaged, "\(length) bytes")
        }
    }

    @Test("a flipped bit in PNG pixel data is found by its checksum")
    func damagedPNG() throws {
        var bytes = try Fixtures.bytes("rgba.png")
        bytes[bytes.count / 2] ^= 0x10
        let error = #expect(throws: ImagingError.self) { try ImageFile(bytes) }
        #expect(error?.code == .damaged)
    }

    @Test("empty bytes and other files are refused for what they are")
    func notAnImage() {
        #expect(errorCode { try Radiograph(imageFile: []) } == .empty)
        let text = Array("Dear colleague".utf8)
        #expect(errorCode { try Radiograph(imageFile: text) } == .notAnImage)
    }

    @Test("CMYK is refused as unsupported")
    func cmyk() throws {
        let bytes = try Fixtures.bytes("cmyk.jpg")
        #expect(errorCode { try ImageFile(bytes) } == .unsupported)
    }

    @Test("a header that promises more pixels than allowed, or than its bytes can hold, is not believed")
    func declaredSize() throws {
        // IHDR: length, "IHDR", width, height, depth 8, grey, checksum.
        func png(width: UInt32, height: UInt32) -> [UInt8] {
            func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
            func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
                let body = Array(type.utf8) + content
                return bigEndian(UInt32(content.count)) + body + bigEndian(crc32(body))
            }
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            let header = bigEndian(width) + bigEndian(height) + [8, 0, 0, 0, 0]
            return signature + chunk("IHDR", header) + chunk("IDAT", [])
        }
        let huge = png(width: 60_000, height: 60_000)
        #expect(errorCode { try ImageFile(huge) } == .tooLarge)
        let large = png(width: 9_000, height: 9_000)
        #expect(errorCode { try ImageFile(large) } == .truncated)
    }

    @Test("16-bit files are levelled from 16 bits")
    func sixteenBits() throws {
        let file = try ImageFile(Fixtures.bytes("grey16.png"))
        guard case .sixteen(let samples) = file.samples else { return #expect(Bool(false)) }
        let radiograph = try Radiograph(imageFile: Fixtures.bytes("grey16.png"))
        let reference = Reference.level(Reference.trim(samples.map(Double.init), width: file.width))
        #expect(radiograph.picture.pixels == reference.pixels)
        #expect(radiograph.flags == ["no_dicom_identity"])
        #expect(radiograph.provenance.resampling == "none")
    }

    @Test("colour is flagged, and the picture is not resized")
    func colour() throws {
        let radiograph = try Radiograph(imageFile: Fixtures.bytes("rgba.png"))
        #expect(radiograph.flags == ["no_dicom_identity", "colour_reduced_to_luma"])
        #expect(radiograph.picture.width <= 41 && radiograph.picture.height <= 33)
    }

    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
