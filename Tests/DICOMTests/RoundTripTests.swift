import DICOM
import TestSupport
import Testing

@Suite("what DICOMBuilder writes, DICOMObject reads")
struct RoundTripTests {
    @Test(
        "stored values come back exactly",
        arguments: [1, 7, 8, 9, 10, 12, 15, 16], [false, true])
    func values(_ bits: Int, _ signed: Bool) throws {
        // One signed bit can only be 0 or −1: the standard has no use for it, and neither has this test.
        guard bits > 1 || !signed else { return }
        let expected = Sample.values(count: 63, bits: bits, signed: signed)
        let object = try DICOMObject(bytes: try Sample.radiograph(bitsStored: bits, signed: signed).file())
        let pixels = try object.storedPixels()
        #expect(pixels.values == expected)
        #expect(pixels.minimum == expected.min())
        #expect(pixels.maximum == expected.max())
        #expect((pixels.rows, pixels.columns) == (7, 9))
        #expect(pixels.bitsAllocated == (bits <= 8 ? 8 : 16))
        #expect((pixels.bitsStored, pixels.highBit) == (bits, bits - 1))
        #expect(pixels.isSigned == signed)
        #expect(!pixels.exceedsBitsStored)
        #expect(object.deviations.isEmpty)
    }

    @Test("renamed, an object has another SOP Instance UID and is otherwise the same", arguments: ["1.2.3", nil])
    func renamed(_ name: String?) throws {
        let name = name ?? DICOMUID.random()
        let object = try DICOMObject(bytes: try Sample.radiograph().file())
        let copy = try DICOMObject(bytes: try object.file(renamed: name))
        #expect(copy.dataset.string(.sopInstanceUID) == name)
        #expect(copy.fileMetaInformation.string(.mediaStorageSOPInstanceUID) == name)
        #expect(copy.transferSyntaxUID == object.transferSyntaxUID)
        #expect(copy.dataset.string(.patientID) == "T-1")
        #expect(try copy.storedPixels().values == object.storedPixels().values)
        #expect(copy.deviations.isEmpty)
    }

    @Test("a file in another transfer syntax is renamed in it", .needsSharedData)
    func renamedInOtherSyntaxes() throws {
        for file in ["MR_small_bigendian", "MR_small_implicit", "MR_small_RLE", "CT_deflated", "JPEGExtended_12bit"] {
            let object = try DICOMObject(bytes: try SharedData.bytes("data/dicom/\(file).dcm"))
            let name = DICOMUID.random()
            let copy = try DICOMObject(bytes: try object.file(renamed: name))
            #expect(copy.dataset.string(.sopInstanceUID) == name, "\(file)")
            #expect(try copy.storedPixels().values == object.storedPixels().values, "\(file)")
        }
    }

    @Test("only the bits that end at High Bit count, whatever else is in the cell")
    func highBit() throws {
        var builder = try Sample.radiograph(rows: 1, columns: 4, bitsStored: 16)
        // Two bits below and four above the stored ten hold overlays.
        let stored = [0, 1023, 512, 5]
        let cells = stored.map { UInt16($0 << 2 | 0b11 | 0b1010 << 12) }
        try builder.setPixels(cells, rows: 1, columns: 4, bitsStored: 16)
        try builder.set(.bitsStored, integers: [10])
        try builder.set(.highBit, integers: [11])
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == stored)
        try builder.set(.pixelRepresentation, integers: [1])
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == [0, -1, -512, 5])
    }

    @Test("frames of single bits and of twelve packed bits need not start at a byte")
    func packedBits() throws {
        var builder = try Sample.header()
        try builder.set(.rows, integers: [1])
        try builder.set(.columns, integers: [3])
        try builder.set(.samplesPerPixel, integers: [1])
        try builder.set(.photometricInterpretation, "MONOCHROME2")
        try builder.set(.pixelRepresentation, integers: [0])
        try builder.set(.numberOfFrames, "2")
        for (tag, value) in [(DICOMTag.bitsAllocated, 1), (.bitsStored, 1), (.highBit, 0)] {
            try builder.set(tag, integers: [value])
        }
        try builder.set(.pixelData, integers: [0b0010_1101], valueRepresentation: "OB")
        let bits = try DICOMObject(bytes: try builder.file())
        #expect(try bits.storedPixels(frame: 0).values == [1, 0, 1])
        #expect(try bits.storedPixels(frame: 1).values == [1, 0, 1])

        for (tag, value) in [(DICOMTag.bitsAllocated, 12), (.bitsStored, 12), (.highBit, 11)] {
            try builder.set(tag, integers: [value])
        }
        // 0x321, 0x654, 0x987, then 0xBA9, 0xEDC, 0x10F: the low bits of each first.
        let packed = [0x21, 0x43, 0x65, 0x87, 0x99, 0xBA, 0xDC, 0xFE, 0x10]
        try builder.set(.pixelData, integers: packed, valueRepresentation: "OB")
        let twelve = try DICOMObject(bytes: try builder.file())
        #expect(try twelve.storedPixels(frame: 0).values == [0x321, 0x654, 0x987])
        #expect(try twelve.storedPixels(frame: 1).values == [0xBA9, 0xEDC, 0x10F])
    }

    @Test("planes of colour are interleaved")
    func planes() throws {
        var builder = try Sample.radiograph(rows: 1, columns: 2, bitsStored: 8)
        try builder.set(.samplesPerPixel, integers: [3])
        try builder.set(.photometricInterpretation, "RGB")
        try builder.set(.planarConfiguration, integers: [1])
        try builder.set(.pixelData, integers: [1, 2, 3, 4, 5, 6], valueRepresentation: "OB")
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == [1, 3, 5, 2, 4, 6])
        try builder.set(.planarConfiguration, integers: [0])
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == [1, 2, 3, 4, 5, 6])
    }

    @Test("values of more than 16 bits are held as 32")
    func wide() throws {
        var builder = try Sample.radiograph(rows: 1, columns: 2, bitsStored: 16)
        for (tag, value) in [(DICOMTag.bitsAllocated, 32), (.bitsStored, 20), (.highBit, 19)] {
            try builder.set(tag, integers: [value])
        }
        try builder.set(.pixelData, integers: [0x0000, 0xFFF8, 0xFFFF, 0x0007], valueRepresentation: "OW")
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == [0x80000, 0x7FFFF])
        try builder.set(.pixelRepresentation, integers: [1])
        #expect(try DICOMObject(bytes: try builder.file()).storedPixels().values == [-0x80000, 0x7FFFF])
    }

    @Test("chunks for the digest are the values as little-endian 32-bit integers")
    func chunks() throws {
        let values = Sample.values(count: 40_000, bits: 12, signed: true)
        var builder = try Sample.header()
        try builder.setPixels(values.map(Int16.init), rows: 200, columns: 200, bitsStored: 12)
        var bytes: [UInt8] = []
        try DICOMObject(bytes: try builder.file()).storedPixels().withLittleEndianInt32Chunks { chunk in
            #expect(chunk.count <= 65_536)
            bytes.append(contentsOf: chunk)
        }
        #expect(bytes == values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } })
    }

    @Test("attributes come back, text as UTF-8")
    func attributes() throws {
        var builder = try Sample.radiograph()
        try builder.set(.patientName, "Müller^Jürgen=王^小东")
        var code = DICOMBuilder()
        try code.set(.codeValue, "399348003")
        try code.set(.codeMeaning, "antero-posterior")
        builder.set(.viewCodeSequence, items: [code, code])
        let dataset = try DICOMObject(bytes: try builder.file()).dataset
        #expect(dataset.string(.patientName) == "Müller^Jürgen=王^小东")
        #expect(dataset.string(.specificCharacterSet) == "ISO_IR 192")
        #expect(dataset.string(.modality) == "CR")
        #expect(try dataset.decimals(.pixelSpacing) == [0.2, 0.25])
        #expect(try dataset.integer(.rows) == 7)
        #expect(
            dataset.items(.viewCodeSequence).map { $0.string(.codeMeaning) } == [
                "antero-posterior", "antero-posterior",
            ])
        #expect(dataset.contains(.pixelData))
    }

    @Test("the builder refuses what would not be valid")
    func invalid() throws {
        var builder = try Sample.header()
        #expect(throws: DICOMError.self) { try builder.set(.modality, "computed radiography") }
        #expect(throws: DICOMError.self) { try builder.set(.studyDate, "yesterday") }
        #expect(throws: DICOMError.self) { try builder.set(.sopInstanceUID, "1.02.3") }
        #expect(throws: DICOMError.self) { try builder.set(.rows, integers: [65_536]) }
        #expect(throws: DICOMError.self) { try builder.set(.pixelSpacing, "wide") }
        #expect(throws: DICOMError.self) {
            try builder.setPixels([0, 4096] as [UInt16], rows: 1, columns: 2, bitsStored: 12)
        }
        #expect(throws: DICOMError.self) { try builder.setPixels([0] as [UInt16], rows: 1, columns: 2, bitsStored: 12) }
        builder.remove(.sopInstanceUID)
        let incomplete = builder
        #expect(throws: DICOMError.self) { try incomplete.file() }
    }

    @Test("identifiers are well formed; those from a seed are always the same")
    func identifiers() {
        let identifiers = (0..<500).map { DICOMUID.deterministic(seed: 7, index: $0) }
        #expect(Set(identifiers).count == 500)
        #expect((identifiers + [DICOMUID.random(), DICOMUID.implementationClass]).allSatisfy(DICOMUID.isValid))
        #expect(DICOMUID.deterministic(seed: 7, index: 3) == identifiers[3])
        #expect(DICOMUID.deterministic(seed: 8, index: 3) != identifiers[3])
        #expect(DICOMUID.random() != DICOMUID.random())
        #expect(!DICOMUID.isValid("1..2") && !DICOMUID.isValid("1.2a") && !DICOMUID.isValid(""))
    }
}
