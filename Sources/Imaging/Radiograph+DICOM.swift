public import DICOM

extension Radiograph {
    /// Renders `pixels`, a frame of the object whose data set is `dataset`, in the order this type documents.
    ///
    /// Flags: `polarity_contradiction`, `pixel_padding_present` (padding takes part in trim and level like any value),
    /// `voi_absent` (the object has no transform of the kind that the profile asks for; none was applied),
    /// `multi_frame` (only this frame is scored), `constant_picture`.
    ///
    /// Throws `ImagingError`: `notGreyscale`, `unsupported` (values of more than 16 bits), `invalidModalityTransform`,
    /// `invalidVOITransform`, `extremeAspectRatio`.
    public init(
        _ pixels: StoredPixels, of dataset: DICOMDataset, profile: PreprocessingProfile
    ) throws(ImagingError) {
        guard pixels.samplesPerPixel == 1 else {
            throw ImagingError(.notGreyscale, "the picture has several samples a pixel, so it is not a radiograph")
        }
        let attributes = try GreyscaleAttributes(dataset, pixels, profile.voi)
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
    fileprivate init(
        _ dataset: DICOMDataset, _ pixels: StoredPixels, _ selection: VOISelection
    ) throws(ImagingError) {
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
            lookupTable = try LookupTable(
                item, isSigned: pixels.isSigned, orElse: .invalidModalityTransform, name: "modality LUT")
        }
        let lowest = Double(pixels.minimum) * (rescale?.slope ?? 1) + (rescale?.intercept ?? 0)
        let hasNegatives = lookupTable == nil && (pixels.isSigned || lowest < 0)
        if let voi = try VOIFunction(selection, of: dataset, isSigned: hasNegatives) {
            self.voi = voi
        } else {
            flags.append("voi_absent")
        }
        if dataset.contains(.pixelPaddingValue) { flags.append("pixel_padding_present") }
        if pixels.frameCount > 1 { flags.append("multi_frame") }
    }
}
