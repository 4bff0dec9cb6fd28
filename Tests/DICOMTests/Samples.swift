import DICOM
import TestSupport
import Foundation

/// Small objects for tests that need no corpus.
enum Sample {
    /// A computed radiograph without pixels.
    static func header() throws -> DICOMBuilder {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 1, index: 1))
        try builder.set(.studyInstanceUID, DICOMUID.deterministic(seed: 1, index: 2))
        try builder.set(.seriesInstanceUID, DICOMUID.deterministic(seed: 1, index: 3))
        try builder.set(.modality, "CR")
        try builder.set(.patientName, "Test^Radiograph")
        try builder.set(.patientID, "T-1")
        try builder.set(.studyDate, "20200229")
        try builder.set(.pixelSpacing, "0.2", "0.25")
        return builder
    }

    /// A computed radiograph of `rows` × `columns` seeded values over the whole range of `bitsStored` bits.
    static func radiograph(rows: Int = 7, columns: Int = 9, bitsStored: Int = 12, signed: Bool = false) throws
        -> DICOMBuilder
    {
        var builder = try header()
        let values = Self.values(count: rows * columns, bits: bitsStored, signed: signed)
        if signed {
            try builder.setPixels(values.map(Int16.init), rows: rows, columns: columns, bitsStored: bitsStored)
        } else {
            try builder.setPixels(values.map(UInt16.init), rows: rows, columns: columns, bitsStored: bitsStored)
        }
        return builder
    }

    /// Seeded values that include the smallest and the largest of `bits` bits.
    static func values(count: Int, bits: Int, signed: Bool) -> [Int] {
        var generator = SeededGenerator(state: UInt64(bits) << 8 | (signed ? 1 : 0))
        let lowest = signed ? -(1 << (bits - 1)) : 0
        var values = (0..<count).map { _ in lowest + Int.random(in: 0..<(1 << bits), using: &generator) }
        values[0] = lowest
        values[count - 1] = lowest + (1 << bits) - 1
        return values
    }
}

extension StoredPixels {
    /// The values, whatever their type.
    var values: [Int] {
        switch samples {
        case .unsigned(let values): values.map(Int.init)
        case .signed(let values): values.map(Int.init)
        case .wide(let values): values.map(Int.init)
        }
    }
}
