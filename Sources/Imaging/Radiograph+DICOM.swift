public import DICOM

extension Radiograph {
    /// Renders `pixels`, a frame of the object whose data set is `dataset`, in the order this type documents.
    ///
    /// Flags: `polarity_contradiction`, `pixel_padding_present` (padding takes part in trim and level like any value),
    /// `multi_frame` (only this frame is scored), `constant_picture`.
    ///
    /// Throws `ImagingError`: `notGreyscale`, `unsupported` (values of more than 16 bits), `invalidModalityTransform`,
    /// `extremeAspectRatio`.
    public init(
        _ pixels: StoredPixels, of dataset: DICOMDataset, profile: PreprocessingProfile
    ) throws(ImagingError) {
        guard pixels.samplesPerPixel == 1 else {
            throw ImagingError(.notGreyscale, "the picture has several samples a pixel, so it is not a radiograph")
        }
        let attributes = try GreyscaleAttributes(dataset, pixels)
        let side = profile.renderedShorterSide
        switch pixels.samples {
        case .unsigned(let samples):
            try self.init(
                stored: samples, width: pixels.columns, height: pixels.rows,
                extremes: UInt16(pixels.minimum)...UInt16(pixels.maximum), attributes: attributes, shorterSide: side)
        case .signed(let samples):
            try self.init(
                stored: samples, width: pixels.columns, height: pixels.rows,
                extremes: Int16(pixels.minimum)...Int16(pixels.maximum), attributes: attributes, shorterSide: side)
        case .wide:
            throw ImagingError(
                .unsupported,
                "stored values of more than 16 bits are not a radiograph's; send the image for presentation")
        }
    }
}

extension GreyscaleAttributes {
    fileprivate init(_ dataset: DICOMDataset, _ pixels: StoredPixels) throws(ImagingError) {
        photometricInterpretation = pixels.photometricInterpretation
        presentationLUTShape = dataset.string(.presentationLUTShape)
        do {
            let slope = try dataset.decimal(.rescaleSlope)
            let intercept = try dataset.decimal(.rescaleIntercept)
            if slope != nil || intercept != nil { rescale = (slope ?? 1, intercept ?? 0) }
        } catch {
            throw ImagingError(
                .invalidModalityTransform, "rescale slope or intercept is not a number", underlying: error)
        }
        if let item = dataset.items(.modalityLUTSequence).first {
            lookupTable = try LookupTable(item, isSigned: pixels.isSigned)
        }
        if dataset.contains(.pixelPaddingValue) { flags.append("pixel_padding_present") }
        if pixels.frameCount > 1 { flags.append("multi_frame") }
    }
}

extension GreyscaleAttributes.LookupTable {
    /// Reads an item of Modality LUT Sequence (PS3.3 C.11.1.1: LUT Descriptor and LUT Data).
    fileprivate init(_ item: DICOMDataset, isSigned: Bool) throws(ImagingError) {
        let descriptor: [Int]
        let words: [UInt16]
        do {
            descriptor = try item.integers(.lutDescriptor)
            words = try item.words(.lutData)
        } catch {
            throw ImagingError(.invalidModalityTransform, "the modality LUT can't be read", underlying: error)
        }
        guard descriptor.count == 3, (0...65_536).contains(descriptor[0]) else {
            throw ImagingError(.invalidModalityTransform, "the modality LUT's descriptor is damaged")
        }
        // A count of 0 stands for 65,536, which 16 bits can't hold.
        let count = descriptor[0] == 0 ? 65_536 : descriptor[0]
        // The first mapped value has the pixels' sign, whatever value representation the writer chose.
        firstMapped = isSigned ? Int(Int16(truncatingIfNeeded: descriptor[1])) : descriptor[1] & 0xFFFF
        if words.count >= count {
            entries = Array(words.prefix(count))
        } else if descriptor[2] == 8, words.count * 2 >= count {
            // Entries of 8 bits may be packed two to a word, the first in the low byte (PS3.3 C.11.1.1.1).
            entries = (0..<count).map { words[$0 / 2] >> (8 * ($0 % 2)) & 0xFF }
        } else {
            throw ImagingError(.invalidModalityTransform, "the modality LUT has fewer entries than it declares")
        }
    }
}

extension GateFacts {
    /// The facts of `dataset`.
    public init(_ dataset: DICOMDataset) {
        self.init(
            modality: dataset.string(.modality), bodyPartExamined: dataset.string(.bodyPartExamined),
            viewPosition: dataset.string(.viewPosition),
            presentationIntentType: dataset.string(.presentationIntentType),
            photometricInterpretation: dataset.string(.photometricInterpretation),
            numberOfFrames: (try? dataset.integer(.numberOfFrames)) ?? 1)
    }
}
