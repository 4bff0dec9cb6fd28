import DICOM
import FoundationEssentials
import Imaging

/// Everything a decoder does later, done once while files can still be opened: dictionary, character sets and whatever
/// else libraries load when first used.
enum Rehearsal {
    /// Throws `DICOMError` where the installation lacks something.
    static func run() throws {
        try DICOMLibrary.initialise()
        SpecificCharacterSet.loadConverters()
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 0, index: 0))
        try builder.set(.modality, "CR")
        try builder.setPixels((0..<64 * 48).map { UInt16($0) }, rows: 64, columns: 48, bitsStored: 12)
        let preparation = try Preparation(try builder.file(), profile: .cxrRisk)
        _ = try JSONDecoder().decode(
            DecoderRequest.self, from: try JSONEncoder().encode(DecoderRequest.prepare(.cxrRisk)))
        _ = try JSONEncoder().encode(preparation.identity)
    }
}
