public import DICOM

extension GateFacts {
    /// The facts of `dataset`.
    public init(_ dataset: DICOMDataset) {
        self.init()
        func code(_ tag: DICOMTag) -> String? { Self.codeString(dataset.string(tag)) }
        func firstCode(_ tag: DICOMTag) -> String? {
            dataset.items(tag).first.flatMap { item in
                guard let scheme = item.string(.codingSchemeDesignator), let value = item.string(.codeValue) else {
                    return nil
                }
                return Self.codeString("\(scheme) \(value)")
            }
        }
        sopClassUID = Self.uid(dataset.string(.sopClassUID))
        modality = code(.modality)
        bodyPartExamined = code(.bodyPartExamined)
        anatomicRegion = firstCode(.anatomicRegionSequence)
        viewPosition = code(.viewPosition)
        viewCode = firstCode(.viewCodeSequence)
        patientOrientation = dataset.strings(.patientOrientation).compactMap(Self.codeString)
        presentationIntentType = code(.presentationIntentType)
        photometricInterpretation = code(.photometricInterpretation)
        burnedInAnnotation = code(.burnedInAnnotation)
        qualityControlImage = code(.qualityControlImage)
        numberOfFrames = (try? dataset.integer(.numberOfFrames)) ?? 1
        ageInYears = Self.years(dataset.string(.patientAge))
        isAnimal = code(.patientSpeciesDescription).map { $0 != "HUMAN" && $0 != "HOMO SAPIENS" }
    }
}
