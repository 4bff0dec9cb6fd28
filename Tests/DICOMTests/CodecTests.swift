import DICOM
import TestSupport
import Testing

/// The decoders of this package's own, held to DCMTK's.
@Suite("code streams", .enabled(if: Tool.areInstalled, "needs the package dcmtk"))
struct CodecTests {
    /// What pictures are made of: noise, a constant with specks (long runs), a random walk (short codes).
    enum Texture: CaseIterable { case noise, specks, walk }

    private static func picture(_ texture: Texture, bits: Int, rows: Int, columns: Int) throws -> [UInt8] {
        var random = SeededGenerator(state: UInt64(bits))
        let highest = (1 << bits) - 1
        var level = highest / 2
        let values: [UInt16] = (0..<rows * columns).map { _ in
            switch texture {
            case .noise: return UInt16.random(in: 0...UInt16(highest), using: &random)
            case .specks: return UInt16(Int.random(in: 0..<40, using: &random) == 0 ? highest : highest / 3)
            case .walk:
                level = min(max(level + Int.random(in: -2...2, using: &random), 0), highest)
                return UInt16(level)
            }
        }
        var builder = try Sample.header()
        try builder.setPixels(values, rows: rows, columns: columns, bitsStored: bits)
        return try builder.file()
    }

    private static func values(_ file: [UInt8]) throws -> [Int] { try DICOMObject(bytes: file).storedPixels().values }

    @Test(
        "lossless JPEG gives the values back by every predictor", arguments: Texture.allCases,
        [(1, 8), (2, 10), (3, 12), (4, 16), (5, 16), (6, 13), (7, 8), (7, 16)])
    func predictors(_ texture: Texture, _ coding: (predictor: Int, bits: Int)) throws {
        let file = try Self.picture(texture, bits: coding.bits, rows: 29, columns: 43)
        let compressed = try Tool.convert("dcmcjpeg", ["+el", "+sv", String(coding.predictor)], file)
        #expect(try Self.values(compressed) == Self.values(file))
    }

    @Test("a point transform costs the lowest bits and no more", arguments: [1, 3])
    func pointTransform(_ shift: Int) throws {
        let file = try Self.picture(.noise, bits: 12, rows: 20, columns: 31)
        let compressed = try Tool.convert("dcmcjpeg", ["+el", "+sv", "1", "+pt", String(shift)], file)
        #expect(try Self.values(compressed) == Self.values(file).map { ($0 >> shift) << shift })
    }

    @Test("lossless JPEG starts anew at a restart marker")
    func restart() throws {
        let file = try Self.picture(.walk, bits: 12, rows: 16, columns: 32)
        let compressed = try Tool.convert("dcmcjpeg", ["+e1"], file)
        let first = try #require(compressed.indices.first { compressed[$0...].starts(with: [0xFF, 0xD8, 0xFF]) })
        let last = try #require(compressed.indices.reversed().first { compressed[$0...].starts(with: [0xFF, 0xD9]) })
        var header = Array(compressed[first..<last])
        let scan = try #require(header.indices.first { header[$0...].starts(with: [0xFF, 0xDA]) })
        let frame = try #require(header.indices.first { header[$0...].starts(with: [0xFF, 0xC3]) })
        let data = Array(header[(scan + 2 + Int(header[scan + 2]) * 256 + Int(header[scan + 3]))...])
        // The same picture twice, one below the other: 32 rows, a restart interval of 16 × 32 samples.
        header[frame + 6] = 32
        header.insert(contentsOf: [0xFF, 0xDD, 0, 4, 2, 0], at: scan)
        let codestream = header + [0xFF, 0xD0] + data + [0xFF, 0xD9]
        let builder = try Sample.radiograph(rows: 32, columns: 32, bitsStored: 12)
        let twice = try Encapsulated.file(builder, "1.2.840.10008.1.2.4.70", codestream)
        #expect(try Self.values(twice) == Self.values(file) + Self.values(file))
        // Another marker than the one that is due.
        let wrong = try Encapsulated.file(
            builder, "1.2.840.10008.1.2.4.70", header + [0xFF, 0xD1] + data + [0xFF, 0xD9])
        #expect(throws: DICOMError.self) { try DICOMObject(bytes: wrong).storedPixels() }
    }

    @Test("JPEG-LS gives the values back", arguments: Texture.allCases, [8, 9, 12, 16])
    func jpegLS(_ texture: Texture, _ bits: Int) throws {
        let file = try Self.picture(texture, bits: bits, rows: 37, columns: 53)
        #expect(try Self.values(try Tool.convert("dcmcjpls", ["+el"], file)) == Self.values(file))
    }

    @Test(
        "near-lossless JPEG-LS gives what DCMTK's decoder gives", arguments: Texture.allCases,
        [(8, 1), (12, 3), (16, 9)])
    func nearLossless(_ texture: Texture, _ coding: (bits: Int, near: Int)) throws {
        let file = try Self.picture(texture, bits: coding.bits, rows: 37, columns: 53)
        let compressed = try Tool.convert("dcmcjpls", ["+en", "+md", String(coding.near)], file)
        #expect(try Self.values(compressed) == Self.values(try Tool.convert("dcmdjpls", [], compressed)))
    }

    @Test("baseline JPEG gives what DCMTK's decoder gives, to the bit", arguments: Texture.allCases, [30, 75, 100])
    func baseline(_ texture: Texture, _ quality: Int) throws {
        let file = try Self.picture(texture, bits: 8, rows: 45, columns: 61)
        let compressed = try Tool.convert("dcmcjpeg", ["+eb", "+q", String(quality)], file)
        #expect(try Self.values(compressed) == Self.values(try Tool.convert("dcmdjpeg", [], compressed)))
    }

    @Test(
        "a code stream that ends early is refused, never filled in",
        arguments: [("dcmcjpeg", "+e1"), ("dcmcjpeg", "+eb"), ("dcmcjpls", "+el"), ("dcmcjpls", "+en")])
    func early(_ codec: (name: String, option: String)) throws {
        let bits = codec.option == "+eb" ? 8 : 12
        let file = try Self.picture(.noise, bits: bits, rows: 64, columns: 64)
        var compressed = try Tool.convert(codec.name, [codec.option], file)
        // The last thousand bytes of the picture go; markers fill their place, the first of which ends the code stream.
        let end = try #require(compressed.indices.reversed().first { compressed[$0...].starts(with: [0xFF, 0xD9]) })
        for index in stride(from: end - 1_000, to: end, by: 2) {
            (compressed[index], compressed[index + 1]) = (0xFF, 0xD9)
        }
        let cut = compressed
        let error = #expect(throws: DICOMError.self) { try DICOMObject(bytes: cut).storedPixels() }
        #expect(error?.code == .decodeFailed)
    }
}

@Suite("RLE (PS3.5 annex G)")
struct RunLengthTests {
    /// A picture of one row of 8-bit samples whose only segment is `segment`.
    private func file(columns: Int, _ segment: [UInt8]) throws -> [UInt8] {
        let header: [UInt8] = [1, 0, 0, 0, 64, 0, 0, 0] + [UInt8](repeating: 0, count: 56)
        return try Encapsulated.file(
            try Sample.radiograph(rows: 1, columns: columns, bitsStored: 8), "1.2.840.10008.1.2.5", header + segment)
    }

    @Test("literal runs, repeated bytes and the code that stands for nothing")
    func codes() throws {
        let bytes = try file(columns: 9, [2, 10, 20, 30, 0x80, 0xFD, 7, 1, 40, 50])
        #expect(try DICOMObject(bytes: bytes).storedPixels().values == [10, 20, 30, 7, 7, 7, 7, 40, 50])
    }

    @Test("the longest runs, and what is left over at the end of a segment")
    func long() throws {
        let literal = (0..<128).map(UInt8.init)
        let bytes = try file(columns: 300, [127] + literal + [0x81, 9] + [0x81, 5])
        #expect(
            try DICOMObject(bytes: bytes).storedPixels().values
                == literal.map(Int.init) + [Int](repeating: 9, count: 128) + [Int](repeating: 5, count: 44))
    }

    @Test(
        "a segment that is too short is refused",
        arguments: [[2, 10, 20, 30], [0xFD, 7], [8, 1, 2], [1, 10, 20, 0xFA]] as [[UInt8]])
    func short(_ segment: [UInt8]) throws {
        let bytes = try file(columns: 9, segment)
        let error = #expect(throws: DICOMError.self) { try DICOMObject(bytes: bytes).storedPixels() }
        #expect(error?.code == .decodeFailed)
    }
}

/// Files with a code stream made by hand.
private enum Encapsulated {
    /// `builder`'s object with one fragment of compressed pixel data (PS3.5 A.4).
    static func file(_ builder: DICOMBuilder, _ transferSyntaxUID: String, _ codestream: [UInt8]) throws -> [UInt8] {
        var builder = builder
        builder.remove(.pixelData)
        var meta = DICOMBuilder()
        try meta.set(.transferSyntaxUID, transferSyntaxUID)
        let fragment = codestream.count & 1 == 1 ? codestream + [0] : codestream
        let length = withUnsafeBytes(of: UInt32(fragment.count).littleEndian) { Array($0) }
        let pixelData: [UInt8] =
            [0xE0, 0x7F, 0x10, 0x00, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]
            + [0xFE, 0xFF, 0x00, 0xE0] + length + fragment + [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + meta.encoded() + builder.encoded() + pixelData
    }
}
