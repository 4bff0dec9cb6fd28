public import DICOM

extension SyntheticRadiograph {
    /// The DICOM file of radiograph number `index` of the series that `seed` begins: a Computed Radiography Image
    /// (PS3.3 A.2) or a Digital X-Ray Image for presentation (A.26), explicit VR little endian, uncompressed.
    ///
    /// The patient's name says that there is no patient. Each index is a study of its own; UIDs follow from seed and
    /// index (PS3.5 B.2, from a UUID). Throws `DICOMError` where a value can't be written, which would be a defect
    /// here.
    public static func makeDICOM(seed: UInt64, index: Int) throws(DICOMError) -> [UInt8] {
        try SyntheticRadiograph(seed: seed, index: index).dicomFile()
    }

    func dicomFile() throws(DICOMError) -> [UInt8] {
        var object = DICOMBuilder()
        try setPatientAndStudy(&object)
        try setEquipmentAndAcquisition(&object)
        if modality == "DX" { try setDigitalXRay(&object) }
        try setImage(&object)
        return try object.file()
    }

    private func setPatientAndStudy(_ object: inout DICOMBuilder) throws(DICOMError) {
        try object.set(.patientName, "SYNTHETIC^NO PATIENT")
        try object.set(.patientID, "SYNTHETIC-\(seed)-\(index)")
        try object.set(.patientBirthDate)
        try object.set(.patientSex, "O")
        try object.set(.studyInstanceUID, uid(stream: 10))
        try object.set(.studyDate, "20200101")
        try object.set(.studyTime, "120000")
        try object.set(.studyID, "1")
        try object.set(.accessionNumber)
        try object.set(.referringPhysicianName)
        try object.set(.studyDescription, "Synthetic radiograph for tests")
        try object.set(.seriesInstanceUID, uid(stream: 11))
        try object.set(.seriesNumber, "1")
        try object.set(.sopClassUID, modality == "DX" ? "1.2.840.10008.5.1.4.1.1.1.1" : "1.2.840.10008.5.1.4.1.1.1")
        try object.set(.sopInstanceUID, uid(stream: 12))
        try object.set(.instanceNumber, "1")
    }

    private func setEquipmentAndAcquisition(_ object: inout DICOMBuilder) throws(DICOMError) {
        try object.set(.modality, modality)
        try object.set(.manufacturer, "Longview")
        try object.set(.manufacturerModelName, "Synthetic radiograph")
        try object.set(.bodyPartExamined, "CHEST")
        try object.set(.viewPosition, viewPosition)
        try object.set(.patientOrientation, "L", "F")
        try object.set(.contentDate, "20200101")
        try object.set(.contentTime, "120000")
        try object.set(.acquisitionDate, "20200101")
        try object.set(.acquisitionTime, "120000")
        try object.set(.imagerPixelSpacing, "\(pixelSpacing)", "\(pixelSpacing)")
        // This never was an exposure.
        try object.set(.imageType, "DERIVED", "PRIMARY")
    }

    /// What the DX IOD requires beyond CR (PS3.3 C.8.11).
    private func setDigitalXRay(_ object: inout DICOMBuilder) throws(DICOMError) {
        try object.set(.presentationIntentType, "FOR PRESENTATION")
        try object.set(.pixelIntensityRelationship, "LOG")
        try object.set(.pixelIntensityRelationshipSign, integers: [lowIsWhite ? 1 : -1], valueRepresentation: "SS")
        try object.set(.rescaleIntercept, "0")
        try object.set(.rescaleSlope, "1")
        try object.set(.rescaleType, "US")
        try object.set(.presentationLUTShape, lowIsWhite ? "INVERSE" : "IDENTITY")
        try object.set(.lossyImageCompression, "00")
        try object.set(.burnedInAnnotation, "NO")
        try object.set(.imageLaterality, "U")
        try object.set(.derivationDescription, "Computed from random numbers")
        let detectorType = DICOMTag(0x0018, 0x7004)
        try object.set(detectorType, "DIRECT", valueRepresentation: "CS")
        let positionerType = DICOMTag(0x0018, 0x1508)
        try object.set(positionerType, "NONE", valueRepresentation: "CS")
        let acquisitionContextSequence = DICOMTag(0x0040, 0x0555)
        object.set(acquisitionContextSequence, items: [])
        var region = DICOMBuilder()
        try region.set(.codeValue, "51185008")
        try region.set(.codingSchemeDesignator, "SCT")
        try region.set(.codeMeaning, "Chest")
        object.set(.anatomicRegionSequence, items: [region])
    }

    private func setImage(_ object: inout DICOMBuilder) throws(DICOMError) {
        try object.setPixels(
            storedValues(), rows: rows, columns: columns, bitsStored: bitsStored,
            photometricInterpretation: lowIsWhite ? "MONOCHROME1" : "MONOCHROME2")
        try object.set(.windowCenter, "\(1 << (bitsStored - 1))")
        try object.set(.windowWidth, "\(1 << bitsStored)")
        try object.set(.windowCenterWidthExplanation, "FULL RANGE")
    }

    /// A UID from 122 random bits: "2.25." and a UUID of version 8 (RFC 9562) as a decimal number.
    func uid(stream: UInt64) -> String {
        var random = Self.generator(seed: seed, index: index, stream: stream)
        let high = random.next() & ~0xF000 | 0x8000
        let low = random.next() & ~(0b11 << 62) | 0b10 << 62
        return "2.25.\(UInt128(high) << 64 | UInt128(low))"
    }
}
