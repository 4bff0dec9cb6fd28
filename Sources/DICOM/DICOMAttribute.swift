import CDCMTK

/// One line of a listing of an object's attributes.
public struct DICOMAttribute: Sendable, Codable {
    /// The tag.
    public let tag: DICOMTag
    /// The standard's keyword, or nil where it has none.
    public let keyword: String?
    /// The value representation's two letters.
    public let valueRepresentation: String
    /// The value's length in bytes.
    public let length: Int
    /// Sequences around this attribute.
    public let depth: Int
    /// The value, printable and at most 64 characters long; what there is to say of it where it is binary or a
    /// sequence.
    ///
    /// It may be patient data: for the screen of someone who may see it, not for a log.
    public let summary: String
}

extension DICOMObject {
    /// All attributes in the order of the object, file meta information first, the content of sequences after the
    /// sequence.
    public var attributes: [DICOMAttribute] {
        var list: [DICOMAttribute] = []
        fileMetaInformation.list(into: &list, depth: 0)
        let start = list.count
        dataset.list(into: &list, depth: 0)
        if let pixelData = layout.pixelData {
            let summary =
                pixelData.isEncapsulated
                ? "\(pixelData.fragments.count) fragments" : "\(pixelData.value.count) bytes"
            let line = DICOMAttribute(
                tag: pixelData.tag, keyword: pixelData.tag.keyword, valueRepresentation: pixelData.valueRepresentation,
                length: pixelData.value.count, depth: 0, summary: summary)
            let place = list[start...].firstIndex { $0.depth == 0 && $0.tag > pixelData.tag } ?? list.endIndex
            list.insert(line, at: place)
        }
        return list
    }
}

extension DICOMDataset {
    private static let summaryLength = 64

    /// Appends this data set's attributes and those of its sequences' items.
    fileprivate func list(into list: inout [DICOMAttribute], depth: Int) {
        for element in elements {
            let tag = DICOMTag(element.group, element.element)
            let isSequence = element.isSequence != 0
            let vr = withUnsafeBytes(of: element.vr) { String(decoding: $0.prefix(2), as: UTF8.self) }
            list.append(
                DICOMAttribute(
                    tag: tag, keyword: tag.keyword, valueRepresentation: vr, length: Int(element.length), depth: depth,
                    summary: isSequence
                        ? (element.items == 1 ? "1 item" : "\(element.items) items")
                        : summary(of: tag, vr, length: Int(element.length))))
            guard isSequence else { continue }
            for item in items(tag) { item.list(into: &list, depth: depth + 1) }
        }
    }

    private var elements: [CDCMTK_element] {
        var elements: [CDCMTK_element] = []
        withUnsafeMutablePointer(to: &elements) { list in
            CDCMTK_item_visit(item, list) { list, element in
                guard let list, let element else { return }
                list.assumingMemoryBound(to: [CDCMTK_element].self).pointee.append(element.pointee)
            }
        }
        return elements
    }

    private func summary(of tag: DICOMTag, _ vr: String, length: Int) -> String {
        if ["OB", "OD", "OF", "OL", "OV", "OW", "UN"].contains(vr) { return "\(length) bytes" }
        let text = strings(tag).joined(separator: "\\")
        let printable = String(text.prefix(Self.summaryLength).map { $0.isNewline || $0 == "\t" ? " " : $0 })
            .unicodeScalars.filter { $0.properties.generalCategory != .control }
        var summary = String(String.UnicodeScalarView(printable))
        if text.count > Self.summaryLength { summary.append("…") }
        return summary
    }
}
