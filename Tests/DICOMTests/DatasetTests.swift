import DICOM
import Testing

@Suite("attributes")
struct DatasetTests {
    private func dataset(_ fill: (inout DICOMBuilder) throws -> Void) throws -> DICOMDataset {
        var builder = try Sample.header()
        try fill(&builder)
        return try DICOMObject(bytes: try builder.file()).dataset
    }

    @Test("an absent and an empty attribute have no value")
    func absent() throws {
        let dataset = try dataset { try $0.set(.accessionNumber, "") }
        for tag in [DICOMTag.accessionNumber, .bodyPartExamined] {
            #expect(dataset.string(tag) == nil)
            #expect(dataset.strings(tag).isEmpty)
            #expect(dataset.items(tag).isEmpty)
            #expect(try dataset.integer(tag) == nil)
            #expect(try dataset.decimal(tag) == nil)
            #expect(try dataset.words(tag).isEmpty)
        }
        #expect(dataset.contains(.accessionNumber))
        #expect(!dataset.contains(.bodyPartExamined))
    }

    @Test("numbers are read from text and from binary values")
    func numbers() throws {
        let dataset = try dataset {
            try $0.set(.instanceNumber, "12")
            try $0.set(.windowCenter, "2047.5", "-1e3", "+7")
            try $0.set(.pixelPaddingValue, integers: [-2000], valueRepresentation: "SS")
            try $0.set(.imagerPixelSpacing, "3", "4")
        }
        #expect(try dataset.integer(.instanceNumber) == 12)
        #expect(try dataset.decimals(.windowCenter) == [2047.5, -1000, 7])
        #expect(try dataset.integer(.pixelPaddingValue) == -2000)
        #expect(try dataset.integers(.imagerPixelSpacing) == [3, 4])
        #expect(try dataset.decimal(.pixelPaddingValue) == -2000)
        #expect(dataset.string(.pixelPaddingValue) == "-2000")
        let error = #expect(throws: DICOMError.self) { try dataset.integers(.windowCenter) }
        #expect(error?.code == .invalidAttribute && error?.tag == .windowCenter)
        #expect(throws: DICOMError.self) { try dataset.decimal(.modality) }
        #expect(throws: DICOMError.self) { try dataset.words(.modality) }
    }

    @Test("words of a look-up table are read from US and from OW", arguments: ["US", "OW"])
    func words(_ vr: String) throws {
        let table = [0, 1, 32_768, 65_535]
        let dataset = try dataset { builder in
            var lut = DICOMBuilder()
            try lut.set(.lutData, integers: table, valueRepresentation: vr)
            builder.set(.modalityLUTSequence, items: [lut])
        }
        #expect(try dataset.items(.modalityLUTSequence).first?.words(.lutData).map(Int.init) == table)
    }

    @Test(
        "in implicit encoding Pixel Representation says whether padding is negative",
        .enabled(if: Tool.areInstalled, "needs the package dcmtk"))
    func implicitSign() throws {
        var builder = try Sample.radiograph(signed: true)
        try builder.set(.pixelPaddingValue, integers: [-2000], valueRepresentation: "SS")
        var lut = DICOMBuilder()
        try lut.set(.lutDescriptor, integers: [40_000, -100, 16].map { $0 & 0xFFFF }, valueRepresentation: "US")
        builder.set(.modalityLUTSequence, items: [lut])
        let dataset = try DICOMObject(bytes: try Tool.convert("dcmconv", ["+ti"], try builder.file())).dataset
        #expect(try dataset.integer(.pixelPaddingValue) == -2000)
        #expect(try dataset.items(.modalityLUTSequence).first?.integers(.lutDescriptor) == [40_000, -100, 16])
    }

    @Test("the listing has every attribute in order, sequences with their depth, long values cut")
    func listing() throws {
        var builder = try Sample.radiograph()
        try builder.set(.derivationDescription, String(repeating: "long ", count: 100))
        var inner = DICOMBuilder(), outer = DICOMBuilder()
        try inner.set(.codeValue, "1")
        outer.set(.anatomicRegionSequence, items: [inner])
        builder.set(.viewCodeSequence, items: [outer])
        let attributes = try DICOMObject(bytes: try builder.file()).attributes
        let top = attributes.filter { $0.depth == 0 }.map(\.tag)
        #expect(top == top.sorted())
        #expect(top.first == .fileMetaInformationGroupLength && top.last == .pixelData)
        let deep = attributes.filter { $0.depth > 0 }
        #expect(deep.map(\.tag) == [.anatomicRegionSequence, .codeValue])
        #expect(deep.map(\.depth) == [1, 2])
        #expect(deep.map(\.summary) == ["1 item", "1"])
        #expect(attributes.first { $0.tag == .derivationDescription }?.summary.count == 65)
        #expect(attributes.first { $0.tag == .modality }?.keyword == "Modality")
        #expect(attributes.first { $0.tag == .pixelData }?.summary == "126 bytes")
    }

    @Test("tags print as the standard writes them")
    func tags() {
        #expect(DICOMTag.sopInstanceUID.description == "(0008,0018)")
        #expect(DICOMTag.sopInstanceUID.keyword == "SOPInstanceUID")
        #expect(DICOMTag(0x0009, 0x0001).keyword == nil)
        #expect(DICOMTag.pixelData > .rows)
    }
}
