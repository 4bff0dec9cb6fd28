import DICOM

extension VOIFunction {
    /// The transform that `selection` picks of `dataset`; nil where the object does not have it.
    ///
    /// - Parameter isSigned: whether modality values can be negative.
    init?(_ selection: VOISelection, of dataset: DICOMDataset, isSigned: Bool) throws(ImagingError) {
        let found: VOIFunction?
        switch selection {
        case .none: found = .identity
        case .firstWindow:
            if let window = try Self.window(0, of: dataset) {
                found = window
            } else {
                found = try Self.table(of: dataset, isSigned: isSigned) { _ in true }
            }
        case .firstLUT:
            if let table = try Self.table(of: dataset, isSigned: isSigned, where: { _ in true }) {
                found = table
            } else {
                found = try Self.window(0, of: dataset)
            }
        case .named(let name):
            let wanted = Self.normalised(name)
            let explanations = dataset.strings(.windowCenterWidthExplanation).map(Self.normalised)
            if let index = explanations.firstIndex(of: wanted), let window = try Self.window(index, of: dataset) {
                found = window
            } else {
                found = try Self.table(of: dataset, isSigned: isSigned) {
                    Self.normalised($0.string(.lutExplanation) ?? "") == wanted
                }
            }
        }
        guard let found else { return nil }
        self = found
    }

    private static func window(_ index: Int, of dataset: DICOMDataset) throws(ImagingError) -> VOIFunction? {
        let centers: [Double]
        let widths: [Double]
        do {
            centers = try dataset.decimals(.windowCenter)
            widths = try dataset.decimals(.windowWidth)
        } catch {
            throw ImagingError(.invalidVOITransform, "the window is not a number", underlying: error)
        }
        guard index < centers.count, index < widths.count else { return nil }
        let kind: VOITransform.Kind
        switch dataset.string(.voiLUTFunction) {
        case nil, "LINEAR": kind = .linear
        case "LINEAR_EXACT": kind = .linearExact
        case "SIGMOID": kind = .sigmoid
        default:
            throw ImagingError(.invalidVOITransform, "the VOI LUT function is none of the standard's")
        }
        return try VOIFunction(kind, center: centers[index], width: widths[index])
    }

    private static func table(
        of dataset: DICOMDataset, isSigned: Bool, where isWanted: (DICOMDataset) -> Bool
    ) throws(ImagingError) -> VOIFunction? {
        guard let item = dataset.items(.voiLUTSequence).first(where: isWanted) else { return nil }
        return VOIFunction(
            try LookupTable(item, isSigned: isSigned, orElse: .invalidVOITransform, name: "VOI LUT"))
    }

    private static func normalised(_ name: String) -> String {
        name.uppercased().split(separator: " ").joined(separator: " ")
    }
}
