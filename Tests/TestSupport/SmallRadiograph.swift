public import DICOM

/// Small but complete objects, quick to make and to score.
public enum SmallRadiograph {
    /// A chest-like radiograph of 64 × 48 pixels whose bytes and UIDs are its `number`'s own.
    public static func builder(_ number: Int, bodyPart: String = "CHEST") throws -> DICOMBuilder {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, sopInstanceUID(number))
        try builder.set(.seriesInstanceUID, DICOMUID.deterministic(seed: 7, index: UInt64(number) * 3 + 1))
        try builder.set(.studyInstanceUID, DICOMUID.deterministic(seed: 7, index: UInt64(number) * 3 + 2))
        try builder.set(.modality, "CR")
        try builder.set(.patientName, "Test^Small")
        try builder.set(.patientID, "SMALL-\(number)")
        try builder.set(.bodyPartExamined, bodyPart)
        try builder.set(.viewPosition, "PA")
        try builder.setPixels(pixels(number), rows: 64, columns: 48, bitsStored: 12)
        return builder
    }

    /// Its SOP Instance UID.
    public static func sopInstanceUID(_ number: Int) -> String {
        DICOMUID.deterministic(seed: 7, index: UInt64(number) * 3)
    }

    /// Its stored values, row-major, in 12 bits.
    public static func pixels(_ number: Int) -> [UInt16] {
        ChestPhantom.pixels(width: 48, height: 64, highest: 0xFFF, number: number)
    }

    /// The whole file.
    public static func file(_ number: Int) throws -> [UInt8] { try builder(number).file() }
}
