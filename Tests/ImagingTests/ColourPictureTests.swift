import DICOM
import TestSupport
import Testing

@testable import Imaging

@Suite("Colour pictures")
struct ColourPictureTests {
    private func colours(_ change: (inout DICOMBuilder) throws -> Void) throws -> ColourPicture? {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.7")
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 5, index: 2))
        try builder.set(.modality, "OT")
        try builder.setPixels([0, 1, 2, 9], rows: 2, columns: 2, bitsStored: 8)
        try change(&builder)
        let object = try DICOMObject(bytes: try builder.file())
        return try ColourPicture(try object.storedPixels(), of: object.dataset)
    }

    @Test("a grey picture has no colours")
    func grey() throws {
        #expect(try colours { _ in } == nil)
    }

    @Test("a palette is looked up; what is outside of it meets its ends")
    func palette() throws {
        let picture = try colours {
            try $0.set(.photometricInterpretation, "PALETTE COLOR")
            for (descriptor, data, entries) in [
                (
                    DICOMTag.redPaletteColorLookupTableDescriptor, DICOMTag.redPaletteColorLookupTableData,
                    [0xFF00, 0x8000, 0]
                ),
                (.greenPaletteColorLookupTableDescriptor, .greenPaletteColorLookupTableData, [0, 0x4000, 0xFFFF]),
                (.bluePaletteColorLookupTableDescriptor, .bluePaletteColorLookupTableData, [0x0100, 0, 0x0200]),
            ] {
                try $0.set(descriptor, integers: [3, 0, 16])
                try $0.set(data, integers: entries, valueRepresentation: "US")
            }
        }
        #expect(picture?.pixels == [255, 0, 1, 128, 64, 0, 0, 255, 2, 0, 255, 2])
    }

    @Test(
        "colour pictures of the corpus are decoded for display", .needsSharedData,
        arguments: [
            "SC_rgb_3x3", "ALOKA_palette16_bigendian", "color_planar1", "HTJ2K_08_RGB",
        ])
    func corpus(name: String) throws {
        let object = try DICOMObject(bytes: SharedData.bytes("data/dicom/\(name).dcm"))
        let picture = try #require(try ColourPicture(try object.storedPixels(), of: object.dataset))
        #expect(picture.pixels.count == picture.width * picture.height * 3)
        #expect(Set(picture.pixels).count > 1)
    }
}
