import DICOM
import TestSupport
import Testing

@Suite("bad input gives a typed error")
struct BadInputTests {
    private func code(_ bytes: [UInt8], limits: DICOMLimits = DICOMLimits()) -> DICOMError.Code? {
        do {
            _ = try DICOMObject(bytes: bytes, limits: limits).storedPixels()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("an empty file")
    func empty() { #expect(code([]) == .empty) }

    @Test(
        "text, pictures of other kinds, noise",
        arguments: [
            "Dear colleague, please find attached the radiograph of our patient. With kind regards",
            "{\"modality\": \"CR\", \"rows\": 2048}", "\u{89}PNG\r\n\u{1A}\n", "x", "DICM",
        ])
    func notDICOM(_ text: String) { #expect(code(Array(text.utf8)) == .notDICOM) }

    @Test("seeded noise is never taken for an object")
    func noise() {
        var generator = SeededGenerator(state: 42)
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(code(bytes) != nil)
        }
    }

    @Test("an object without a picture")
    func noPixels() throws { #expect(code(try Sample.header().file()) == .noPixelData) }

    @Test("cut short anywhere: a typed error, or the whole picture where only what follows it is missing")
    func everyPrefix() throws {
        var builder = try Sample.radiograph()
        var item = DICOMBuilder()
        try item.set(.codeMeaning, "postero-anterior")
        builder.set(.viewCodeSequence, items: [item])
        let bytes = try builder.file()
        let whole = try DICOMObject(bytes: bytes).storedPixels().values
        for count in 0..<bytes.count {
            do {
                #expect(try DICOMObject(bytes: Array(bytes[..<count])).storedPixels().values == whole)
                Issue.record("a prefix of \(count) bytes was taken for the whole object")
            } catch {
                #expect([.empty, .notDICOM, .truncated, .noPixelData].contains(error.code), "\(count): \(error)")
            }
        }
    }

    @Test("any one byte changed: a picture or a typed error")
    func everyByte() throws {
        let bytes = try Sample.radiograph().file()
        var generator = SeededGenerator(state: 3)
        for index in 128..<bytes.count {
            var changed = bytes
            changed[index] ^= UInt8.random(in: 1...255, using: &generator)
            // Reading every attribute as everything is part of it.
            do {
                let object = try DICOMObject(bytes: changed)
                for attribute in object.attributes {
                    _ = object.dataset.strings(attribute.tag)
                    _ = try? object.dataset.integers(attribute.tag)
                    _ = try? object.dataset.decimals(attribute.tag)
                    _ = try? object.dataset.words(attribute.tag)
                    _ = object.dataset.items(attribute.tag)
                }
                _ = try object.storedPixels()
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }

    @Test("Rows that disagree with the pixel data", arguments: [6, 8, 3, 14, 65_535])
    func rows(_ rows: Int) throws {
        var builder = try Sample.radiograph()
        try builder.set(.rows, integers: [rows])
        #expect(code(try builder.file()) == .pixelDataMismatch)
    }

    @Test("more frames than there is data for")
    func frames() throws {
        var builder = try Sample.radiograph()
        try builder.set(.numberOfFrames, "2147483647")
        #expect(code(try builder.file()) == .pixelDataMismatch)
        try builder.set(.numberOfFrames, "0")
        #expect(code(try builder.file()) == .invalidAttribute)
    }

    @Test("a frame larger than any radiograph")
    func absurdSize() throws {
        var builder = try Sample.radiograph()
        try builder.set(.rows, integers: [65_535])
        try builder.set(.columns, integers: [65_535])
        #expect(code(try builder.file()) == .tooLarge)
        try builder.set(.rows, integers: [0])
        #expect(code(try builder.file()) == .invalidAttribute)
    }

    @Test(
        "attributes that can't describe pixels",
        arguments: [
            (DICOMTag.bitsAllocated, 0), (.bitsAllocated, 7), (.bitsStored, 17), (.bitsStored, 0), (.highBit, 3),
            (.pixelRepresentation, 2), (.samplesPerPixel, 0),
        ])
    func impossible(_ tag: DICOMTag, _ value: Int) throws {
        var builder = try Sample.radiograph()
        try builder.set(tag, integers: [value])
        let bytes = try builder.file()
        let error = #expect(throws: DICOMError.self) { try DICOMObject(bytes: bytes).storedPixels() }
        #expect(error?.code == .invalidAttribute)
    }

    @Test("cells of a width that no radiograph has")
    func oddCells() throws {
        var builder = try Sample.radiograph(rows: 8, columns: 8)
        try builder.set(.bitsAllocated, integers: [15])
        #expect(code(try builder.file()) == .unsupportedPixelFormat)
    }

    @Test("sequences nested to the limit are read, deeper ones refused", arguments: [64, 65, 5_000])
    func nesting(_ depth: Int) throws {
        // Written flat: a builder in a builder as deep as this would overflow the stack itself.
        let open: [UInt8] = [0x40, 0x00, 0x30, 0xA7] + Array("SQ".utf8) + [0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        let item: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]
        let close: [UInt8] = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
        let bytes =
            try Sample.header().file() + Array(repeating: open + item, count: depth).flatMap { $0 }
            + Array(repeating: close, count: depth).flatMap { $0 }
        #expect(code(bytes) == (depth <= 64 ? .noPixelData : .nestingTooDeep))
    }

    @Test("more elements than an object has")
    func elements() throws {
        var limits = DICOMLimits()
        limits.elements = 10
        #expect(code(try Sample.radiograph().file(), limits: limits) == .tooLarge)
    }

    @Test("a deflated data set that inflates without end")
    func deflateBomb() throws {
        var limits = DICOMLimits()
        limits.inflatedBytes = 1 << 20
        let bomb = try Deflated.file(Deflated.zeros(runs: 200_000))
        #expect(bomb.count < 400_000)
        #expect(code(bomb, limits: limits) == .tooLarge)
    }

    @Test("a deflated data set that is damaged or has no end")
    func deflateDamage() throws {
        #expect(code(try Deflated.file([0xFF, 0xFF, 0xFF, 0xFF])) == .malformed)
        #expect(code(try Deflated.file(Array(Deflated.zeros(runs: 100).dropLast(2)))) == .truncated)
    }

    @Test("an error names the attribute, and never its value")
    func descriptions() throws {
        var builder = try Sample.radiograph()
        try builder.set(.patientName, "Doe^Jane")
        try builder.set(.rows, integers: [8])
        let bytes = try builder.file()
        let error = try #require(throws: DICOMError.self) { try DICOMObject(bytes: bytes).storedPixels() }
        #expect(error.description.contains("PixelData (7fe0,0010)"))
        #expect(!error.description.contains("Doe"))
        let dataset = try DICOMObject(bytes: bytes).dataset
        let notANumber = try #require(throws: DICOMError.self) { try dataset.integer(.patientName) }
        #expect(notANumber.tag == .patientName)
        #expect(notANumber.description.hasPrefix("PatientName (0010,0010): "))
        #expect(!notANumber.description.contains("Doe"))
    }
}

/// Deflate streams (RFC 1951), written bit by bit: zeros only, in the fixed code.
enum Deflated {
    /// A file of the deflated transfer syntax around a deflate stream.
    static func file(_ stream: [UInt8]) throws -> [UInt8] {
        var meta = DICOMBuilder()
        try meta.set(.transferSyntaxUID, "1.2.840.10008.1.2.1.99")
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + meta.encoded() + stream
    }

    /// A stream of 1 + 258 × `runs` zeros.
    static func zeros(runs: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var filled = 8
        func put(_ bit: Int) {
            if filled == 8 {
                bytes.append(0)
                filled = 0
            }
            bytes[bytes.count - 1] |= UInt8(bit << filled)
            filled += 1
        }
        // Huffman codes are written from their most significant bit.
        func put(code: Int, width: Int) { for bit in (0..<width).reversed() { put(code >> bit & 1) } }
        put(1)
        put(1)
        put(0)
        put(code: 0b0011_0000, width: 8)
        for _ in 0..<runs {
            put(code: 0b1100_0101, width: 8)
            put(code: 0, width: 5)
        }
        put(code: 0, width: 7)
        return bytes
    }
}
