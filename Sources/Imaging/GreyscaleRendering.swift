/// What a header says about turning stored grey values into a picture.
struct GreyscaleAttributes {
    /// Photometric Interpretation (0028,0004).
    var photometricInterpretation: String
    /// Presentation LUT Shape (2050,0020).
    var presentationLUTShape: String?
    /// Rescale Slope (0028,1053) and Rescale Intercept (0028,1052).
    var rescale: (slope: Double, intercept: Double)?
    /// The first item of Modality LUT Sequence (0028,3000); it and a rescale exclude each other, and it has precedence.
    var lookupTable: LookupTable?
    /// The VOI transform (PS3.3 C.11.2) that the profile asks for.
    var voi = VOIFunction.identity
    /// What was noticed while reading, as codes.
    var flags: [String] = []
}

extension Radiograph {
    /// Renders `samples` (row-major, `width` × `height`, all within `extremes`, and these among them) in the order this
    /// type documents.
    init<Sample: StoredSample>(
        stored samples: [Sample], width: Int, height: Int, extremes: ClosedRange<Sample>? = nil,
        attributes: GreyscaleAttributes, shorterSide: Int
    ) throws(ImagingError) {
        let (polarity, contradiction) = try Self.polarity(attributes)
        var (transform, table) = try Self.modalityTransform(attributes, for: Sample.self)
        if attributes.voi.transform.kind != .identity { table.apply(attributes.voi) }
        let rendered = TrimmedAndLevelled(
            samples, width: width, height: height, table: table, inverted: polarity.inverted, extremes: extremes)
        try self.init(
            rendered, source: .dicom, modalityTransform: transform, voiTransform: attributes.voi.transform,
            polarity: polarity, storedWidth: width, storedHeight: height, shorterSide: shorterSide,
            flags: attributes.flags + (contradiction ? ["polarity_contradiction"] : []))
    }

    /// The polarity, and whether the header contradicts itself.
    ///
    /// MONOCHROME1 shows the lowest value white (PS3.3 C.7.6.3.1.2). Where Presentation LUT Shape is present it says
    /// the same in the terms of the last step of the pipeline: INVERSE shall go with MONOCHROME1 and IDENTITY with
    /// MONOCHROME2 (PS3.3 C.7.6.1, General Image module; C.8.11.3, DX Image module), so the two never add up to two
    /// inversions. Where they contradict each other the shape decides, and the contradiction is flagged: the shape is a
    /// step of the pipeline that fully defines the output, for which Photometric Interpretation is "ignored and
    /// overridden" (PS3.4 N.2.1.4, note 1; it speaks of presentation states, and the image's own shape is the same
    /// step). DCMTK 3.6.7's dcm2pnm shows all six combinations in this way.
    static func polarity(
        _ attributes: GreyscaleAttributes
    ) throws(ImagingError) -> (polarity: RadiographProvenance.Polarity, contradiction: Bool) {
        let lowIsWhite: Bool
        switch attributes.photometricInterpretation {
        case "MONOCHROME1": lowIsWhite = true
        case "MONOCHROME2": lowIsWhite = false
        default: throw ImagingError(.notGreyscale, "the picture is not greyscale, so it is not a radiograph")
        }
        switch attributes.presentationLUTShape {
        case "INVERSE": return (.init(inverted: true, basis: .presentationLUTShape), !lowIsWhite)
        case "IDENTITY": return (.init(inverted: false, basis: .presentationLUTShape), lowIsWhite)
        default: return (.init(inverted: lowIsWhite, basis: .photometricInterpretation), false)
        }
    }

    private static func modalityTransform<Sample: StoredSample>(
        _ attributes: GreyscaleAttributes, for: Sample.Type
    ) throws(ImagingError) -> (ModalityTransform, ValueTable) {
        if let lut = attributes.lookupTable {
            guard !lut.entries.isEmpty else {
                throw ImagingError(.invalidModalityTransform, "the modality LUT has no entries")
            }
            return (
                .lookupTable(firstMapped: lut.firstMapped, entryCount: lut.entries.count),
                ValueTable(entries: lut.entries, firstMapped: lut.firstMapped, for: Sample.self)
            )
        }
        if let (slope, intercept) = attributes.rescale {
            // Real slopes lie within a few powers of ten of 1; the bounds keep float64 exact enough to level.
            guard slope.isFinite, (1e-9...1e9).contains(abs(slope)), abs(intercept) <= 1e9 else {
                throw ImagingError(
                    .invalidModalityTransform, "rescale slope or intercept is zero, not a number or beyond all measure")
            }
            return (
                .rescale(slope: slope, intercept: intercept),
                ValueTable(slope: slope, intercept: intercept, for: Sample.self)
            )
        }
        return (.identity, ValueTable(identityFor: Sample.self))
    }
}
