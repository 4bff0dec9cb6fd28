extension Radiograph {
    /// The most the longer side may exceed the shorter one. Chest radiographs stay below 2; what is longer was trimmed
    /// out of something else, and enlarging it would take memory without bound.
    static let maximumAspectRatio = 10

    /// The radiograph of a PNG or JPEG file.
    ///
    /// Colour becomes the luma of ITU-R BT.601 and transparency is ignored; then trim and level, without a resize.
    /// 16-bit files are levelled from their 16 bits (dropping the lower 8 first would cost contrast). Flags:
    /// `no_dicom_identity` always; `colour_reduced_to_luma`, `constant_picture`.
    ///
    /// Throws `ImagingError`: `empty`, `notAnImage`, `truncated`, `damaged`, `tooLarge`, `unsupported`,
    /// `extremeAspectRatio`, `outOfMemory`.
    public init(imageFile bytes: [UInt8]) throws(ImagingError) {
        let file = try ImageFile(bytes)
        let rendered: TrimmedAndLevelled =
            switch file.samples {
            case .eight(let samples):
                TrimmedAndLevelled(
                    samples, width: file.width, height: file.height, table: ValueTable(identityFor: UInt8.self),
                    inverted: false)
            case .sixteen(let samples):
                TrimmedAndLevelled(
                    samples, width: file.width, height: file.height, table: ValueTable(identityFor: UInt16.self),
                    inverted: false)
            }
        var flags = ["no_dicom_identity"]
        if file.wasColour { flags.append("colour_reduced_to_luma") }
        try self.init(
            rendered, source: file.kind == .png ? .png : .jpeg, modalityTransform: .identity,
            voiTransform: .identity, polarity: .init(inverted: false, basis: .fileFormat), storedWidth: file.width,
            storedHeight: file.height, shorterSide: nil, flags: flags)
    }

    /// Completes a trimmed and levelled picture: resizes it where `shorterSide` is given, and writes its provenance.
    init(
        _ rendered: TrimmedAndLevelled, source: RadiographProvenance.Source, modalityTransform: ModalityTransform,
        voiTransform: VOITransform, polarity: RadiographProvenance.Polarity, storedWidth: Int, storedHeight: Int,
        shorterSide: Int?, flags: [String]
    ) throws(ImagingError) {
        var picture = rendered.picture
        let (short, long) = (min(picture.width, picture.height), max(picture.width, picture.height))
        guard long <= short * Self.maximumAspectRatio else {
            throw ImagingError(
                .extremeAspectRatio,
                "the picture without its border is \(picture.width) × \(picture.height) pixels, which no radiograph is")
        }
        var resampling = "none"
        if let shorterSide {
            let size = LanczosResampler.size(width: picture.width, height: picture.height, shorterSide: shorterSide)
            if size != (picture.width, picture.height) {
                picture = LanczosResampler.resample(picture, width: size.width, height: size.height)
                resampling = LanczosResampler.name
            }
        }
        let isConstant = rendered.level.low == rendered.level.high
        self.init(
            picture: picture,
            provenance: RadiographProvenance(
                source: source, modalityTransform: modalityTransform, voiTransform: voiTransform,
                polarity: polarity, storedSize: .init(width: storedWidth, height: storedHeight), trim: rendered.trim,
                level: rendered.level, renderedSize: .init(width: picture.width, height: picture.height),
                resampling: resampling,
                flags: flags + (isConstant ? ["constant_picture"] : [])))
    }
}
