// The attributes Longview reads or writes, by the standard's keywords in lower camel case (PS3.6 chapters 6 to 8).
extension DICOMTag {
    /// FileMetaInformationGroupLength (0002,0000).
    public static let fileMetaInformationGroupLength = DICOMTag(0x0002, 0x0000)
    /// FileMetaInformationVersion (0002,0001).
    public static let fileMetaInformationVersion = DICOMTag(0x0002, 0x0001)
    /// MediaStorageSOPClassUID (0002,0002).
    public static let mediaStorageSOPClassUID = DICOMTag(0x0002, 0x0002)
    /// MediaStorageSOPInstanceUID (0002,0003).
    public static let mediaStorageSOPInstanceUID = DICOMTag(0x0002, 0x0003)
    /// TransferSyntaxUID (0002,0010).
    public static let transferSyntaxUID = DICOMTag(0x0002, 0x0010)
    /// ImplementationClassUID (0002,0012).
    public static let implementationClassUID = DICOMTag(0x0002, 0x0012)
    /// ImplementationVersionName (0002,0013).
    public static let implementationVersionName = DICOMTag(0x0002, 0x0013)
    /// SourceApplicationEntityTitle (0002,0016).
    public static let sourceApplicationEntityTitle = DICOMTag(0x0002, 0x0016)
    /// SpecificCharacterSet (0008,0005).
    public static let specificCharacterSet = DICOMTag(0x0008, 0x0005)
    /// ImageType (0008,0008).
    public static let imageType = DICOMTag(0x0008, 0x0008)
    /// InstanceCreationDate (0008,0012).
    public static let instanceCreationDate = DICOMTag(0x0008, 0x0012)
    /// InstanceCreationTime (0008,0013).
    public static let instanceCreationTime = DICOMTag(0x0008, 0x0013)
    /// SOPClassUID (0008,0016).
    public static let sopClassUID = DICOMTag(0x0008, 0x0016)
    /// SOPInstanceUID (0008,0018).
    public static let sopInstanceUID = DICOMTag(0x0008, 0x0018)
    /// StudyDate (0008,0020).
    public static let studyDate = DICOMTag(0x0008, 0x0020)
    /// SeriesDate (0008,0021).
    public static let seriesDate = DICOMTag(0x0008, 0x0021)
    /// AcquisitionDate (0008,0022).
    public static let acquisitionDate = DICOMTag(0x0008, 0x0022)
    /// ContentDate (0008,0023).
    public static let contentDate = DICOMTag(0x0008, 0x0023)
    /// AcquisitionDateTime (0008,002A).
    public static let acquisitionDateTime = DICOMTag(0x0008, 0x002A)
    /// StudyTime (0008,0030).
    public static let studyTime = DICOMTag(0x0008, 0x0030)
    /// SeriesTime (0008,0031).
    public static let seriesTime = DICOMTag(0x0008, 0x0031)
    /// AcquisitionTime (0008,0032).
    public static let acquisitionTime = DICOMTag(0x0008, 0x0032)
    /// ContentTime (0008,0033).
    public static let contentTime = DICOMTag(0x0008, 0x0033)
    /// AccessionNumber (0008,0050).
    public static let accessionNumber = DICOMTag(0x0008, 0x0050)
    /// IssuerOfAccessionNumberSequence (0008,0051).
    public static let issuerOfAccessionNumberSequence = DICOMTag(0x0008, 0x0051)
    /// Modality (0008,0060).
    public static let modality = DICOMTag(0x0008, 0x0060)
    /// ConversionType (0008,0064).
    public static let conversionType = DICOMTag(0x0008, 0x0064)
    /// PresentationIntentType (0008,0068).
    public static let presentationIntentType = DICOMTag(0x0008, 0x0068)
    /// Manufacturer (0008,0070).
    public static let manufacturer = DICOMTag(0x0008, 0x0070)
    /// InstitutionName (0008,0080).
    public static let institutionName = DICOMTag(0x0008, 0x0080)
    /// ReferringPhysicianName (0008,0090).
    public static let referringPhysicianName = DICOMTag(0x0008, 0x0090)
    /// CodeValue (0008,0100).
    public static let codeValue = DICOMTag(0x0008, 0x0100)
    /// CodingSchemeDesignator (0008,0102).
    public static let codingSchemeDesignator = DICOMTag(0x0008, 0x0102)
    /// CodeMeaning (0008,0104).
    public static let codeMeaning = DICOMTag(0x0008, 0x0104)
    /// TimezoneOffsetFromUTC (0008,0201).
    public static let timezoneOffsetFromUTC = DICOMTag(0x0008, 0x0201)
    /// StationName (0008,1010).
    public static let stationName = DICOMTag(0x0008, 0x1010)
    /// StudyDescription (0008,1030).
    public static let studyDescription = DICOMTag(0x0008, 0x1030)
    /// SeriesDescription (0008,103E).
    public static let seriesDescription = DICOMTag(0x0008, 0x103E)
    /// ManufacturerModelName (0008,1090).
    public static let manufacturerModelName = DICOMTag(0x0008, 0x1090)
    /// ReferencedImageSequence (0008,1140).
    public static let referencedImageSequence = DICOMTag(0x0008, 0x1140)
    /// ReferencedSOPClassUID (0008,1150).
    public static let referencedSOPClassUID = DICOMTag(0x0008, 0x1150)
    /// ReferencedSOPInstanceUID (0008,1155).
    public static let referencedSOPInstanceUID = DICOMTag(0x0008, 0x1155)
    /// DerivationDescription (0008,2111).
    public static let derivationDescription = DICOMTag(0x0008, 0x2111)
    /// AnatomicRegionSequence (0008,2218).
    public static let anatomicRegionSequence = DICOMTag(0x0008, 0x2218)
    /// PatientName (0010,0010).
    public static let patientName = DICOMTag(0x0010, 0x0010)
    /// PatientID (0010,0020).
    public static let patientID = DICOMTag(0x0010, 0x0020)
    /// IssuerOfPatientID (0010,0021).
    public static let issuerOfPatientID = DICOMTag(0x0010, 0x0021)
    /// PatientBirthDate (0010,0030).
    public static let patientBirthDate = DICOMTag(0x0010, 0x0030)
    /// PatientSex (0010,0040).
    public static let patientSex = DICOMTag(0x0010, 0x0040)
    /// PatientAge (0010,1010).
    public static let patientAge = DICOMTag(0x0010, 0x1010)
    /// PatientSpeciesDescription (0010,2201).
    public static let patientSpeciesDescription = DICOMTag(0x0010, 0x2201)
    /// BodyPartExamined (0018,0015).
    public static let bodyPartExamined = DICOMTag(0x0018, 0x0015)
    /// KVP (0018,0060).
    public static let kvp = DICOMTag(0x0018, 0x0060)
    /// DeviceSerialNumber (0018,1000).
    public static let deviceSerialNumber = DICOMTag(0x0018, 0x1000)
    /// SoftwareVersions (0018,1020).
    public static let softwareVersions = DICOMTag(0x0018, 0x1020)
    /// DistanceSourceToDetector (0018,1110).
    public static let distanceSourceToDetector = DICOMTag(0x0018, 0x1110)
    /// ImagerPixelSpacing (0018,1164).
    public static let imagerPixelSpacing = DICOMTag(0x0018, 0x1164)
    /// ViewPosition (0018,5101).
    public static let viewPosition = DICOMTag(0x0018, 0x5101)
    /// StudyInstanceUID (0020,000D).
    public static let studyInstanceUID = DICOMTag(0x0020, 0x000D)
    /// SeriesInstanceUID (0020,000E).
    public static let seriesInstanceUID = DICOMTag(0x0020, 0x000E)
    /// StudyID (0020,0010).
    public static let studyID = DICOMTag(0x0020, 0x0010)
    /// SeriesNumber (0020,0011).
    public static let seriesNumber = DICOMTag(0x0020, 0x0011)
    /// InstanceNumber (0020,0013).
    public static let instanceNumber = DICOMTag(0x0020, 0x0013)
    /// PatientOrientation (0020,0020).
    public static let patientOrientation = DICOMTag(0x0020, 0x0020)
    /// Laterality (0020,0060).
    public static let laterality = DICOMTag(0x0020, 0x0060)
    /// ImageLaterality (0020,0062).
    public static let imageLaterality = DICOMTag(0x0020, 0x0062)
    /// SamplesPerPixel (0028,0002).
    public static let samplesPerPixel = DICOMTag(0x0028, 0x0002)
    /// PhotometricInterpretation (0028,0004).
    public static let photometricInterpretation = DICOMTag(0x0028, 0x0004)
    /// PlanarConfiguration (0028,0006).
    public static let planarConfiguration = DICOMTag(0x0028, 0x0006)
    /// NumberOfFrames (0028,0008).
    public static let numberOfFrames = DICOMTag(0x0028, 0x0008)
    /// Rows (0028,0010).
    public static let rows = DICOMTag(0x0028, 0x0010)
    /// Columns (0028,0011).
    public static let columns = DICOMTag(0x0028, 0x0011)
    /// PixelSpacing (0028,0030).
    public static let pixelSpacing = DICOMTag(0x0028, 0x0030)
    /// PixelAspectRatio (0028,0034).
    public static let pixelAspectRatio = DICOMTag(0x0028, 0x0034)
    /// BitsAllocated (0028,0100).
    public static let bitsAllocated = DICOMTag(0x0028, 0x0100)
    /// BitsStored (0028,0101).
    public static let bitsStored = DICOMTag(0x0028, 0x0101)
    /// HighBit (0028,0102).
    public static let highBit = DICOMTag(0x0028, 0x0102)
    /// PixelRepresentation (0028,0103).
    public static let pixelRepresentation = DICOMTag(0x0028, 0x0103)
    /// SmallestImagePixelValue (0028,0106).
    public static let smallestImagePixelValue = DICOMTag(0x0028, 0x0106)
    /// LargestImagePixelValue (0028,0107).
    public static let largestImagePixelValue = DICOMTag(0x0028, 0x0107)
    /// PixelPaddingValue (0028,0120).
    public static let pixelPaddingValue = DICOMTag(0x0028, 0x0120)
    /// PixelPaddingRangeLimit (0028,0121).
    public static let pixelPaddingRangeLimit = DICOMTag(0x0028, 0x0121)
    /// QualityControlImage (0028,0300).
    public static let qualityControlImage = DICOMTag(0x0028, 0x0300)
    /// BurnedInAnnotation (0028,0301).
    public static let burnedInAnnotation = DICOMTag(0x0028, 0x0301)
    /// PixelIntensityRelationship (0028,1040).
    public static let pixelIntensityRelationship = DICOMTag(0x0028, 0x1040)
    /// PixelIntensityRelationshipSign (0028,1041).
    public static let pixelIntensityRelationshipSign = DICOMTag(0x0028, 0x1041)
    /// WindowCenter (0028,1050).
    public static let windowCenter = DICOMTag(0x0028, 0x1050)
    /// WindowWidth (0028,1051).
    public static let windowWidth = DICOMTag(0x0028, 0x1051)
    /// RescaleIntercept (0028,1052).
    public static let rescaleIntercept = DICOMTag(0x0028, 0x1052)
    /// RescaleSlope (0028,1053).
    public static let rescaleSlope = DICOMTag(0x0028, 0x1053)
    /// RescaleType (0028,1054).
    public static let rescaleType = DICOMTag(0x0028, 0x1054)
    /// WindowCenterWidthExplanation (0028,1055).
    public static let windowCenterWidthExplanation = DICOMTag(0x0028, 0x1055)
    /// VOILUTFunction (0028,1056).
    public static let voiLUTFunction = DICOMTag(0x0028, 0x1056)
    /// RedPaletteColorLookupTableDescriptor (0028,1101).
    public static let redPaletteColorLookupTableDescriptor = DICOMTag(0x0028, 0x1101)
    /// GreenPaletteColorLookupTableDescriptor (0028,1102).
    public static let greenPaletteColorLookupTableDescriptor = DICOMTag(0x0028, 0x1102)
    /// BluePaletteColorLookupTableDescriptor (0028,1103).
    public static let bluePaletteColorLookupTableDescriptor = DICOMTag(0x0028, 0x1103)
    /// RedPaletteColorLookupTableData (0028,1201).
    public static let redPaletteColorLookupTableData = DICOMTag(0x0028, 0x1201)
    /// GreenPaletteColorLookupTableData (0028,1202).
    public static let greenPaletteColorLookupTableData = DICOMTag(0x0028, 0x1202)
    /// BluePaletteColorLookupTableData (0028,1203).
    public static let bluePaletteColorLookupTableData = DICOMTag(0x0028, 0x1203)
    /// SegmentedRedPaletteColorLookupTableData (0028,1221).
    public static let segmentedRedPaletteColorLookupTableData = DICOMTag(0x0028, 0x1221)
    /// SegmentedGreenPaletteColorLookupTableData (0028,1222).
    public static let segmentedGreenPaletteColorLookupTableData = DICOMTag(0x0028, 0x1222)
    /// SegmentedBluePaletteColorLookupTableData (0028,1223).
    public static let segmentedBluePaletteColorLookupTableData = DICOMTag(0x0028, 0x1223)
    /// LossyImageCompression (0028,2110).
    public static let lossyImageCompression = DICOMTag(0x0028, 0x2110)
    /// LossyImageCompressionRatio (0028,2112).
    public static let lossyImageCompressionRatio = DICOMTag(0x0028, 0x2112)
    /// ModalityLUTSequence (0028,3000).
    public static let modalityLUTSequence = DICOMTag(0x0028, 0x3000)
    /// LUTDescriptor (0028,3002).
    public static let lutDescriptor = DICOMTag(0x0028, 0x3002)
    /// LUTExplanation (0028,3003).
    public static let lutExplanation = DICOMTag(0x0028, 0x3003)
    /// ModalityLUTType (0028,3004).
    public static let modalityLUTType = DICOMTag(0x0028, 0x3004)
    /// LUTData (0028,3006).
    public static let lutData = DICOMTag(0x0028, 0x3006)
    /// VOILUTSequence (0028,3010).
    public static let voiLUTSequence = DICOMTag(0x0028, 0x3010)
    /// ViewCodeSequence (0054,0220).
    public static let viewCodeSequence = DICOMTag(0x0054, 0x0220)
    /// PresentationLUTSequence (2050,0010).
    public static let presentationLUTSequence = DICOMTag(0x2050, 0x0010)
    /// PresentationLUTShape (2050,0020).
    public static let presentationLUTShape = DICOMTag(0x2050, 0x0020)
    /// ExtendedOffsetTable (7FE0,0001).
    public static let extendedOffsetTable = DICOMTag(0x7FE0, 0x0001)
    /// ExtendedOffsetTableLengths (7FE0,0002).
    public static let extendedOffsetTableLengths = DICOMTag(0x7FE0, 0x0002)
    /// FloatPixelData (7FE0,0008).
    public static let floatPixelData = DICOMTag(0x7FE0, 0x0008)
    /// DoubleFloatPixelData (7FE0,0009).
    public static let doubleFloatPixelData = DICOMTag(0x7FE0, 0x0009)
    /// PixelData (7FE0,0010).
    public static let pixelData = DICOMTag(0x7FE0, 0x0010)
    /// Item (FFFE,E000).
    public static let item = DICOMTag(0xFFFE, 0xE000)
    /// ItemDelimitationItem (FFFE,E00D).
    public static let itemDelimitationItem = DICOMTag(0xFFFE, 0xE00D)
    /// SequenceDelimitationItem (FFFE,E0DD).
    public static let sequenceDelimitationItem = DICOMTag(0xFFFE, 0xE0DD)
}
