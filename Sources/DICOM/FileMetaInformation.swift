/// The file meta information at the start of a file (PS3.10 section 7.1), or its absence.
struct FileMetaInformation {
    /// Its elements, without preamble and prefix; empty at the start of the data set if there is none.
    let range: Range<Int>
    /// Transfer Syntax UID, if it is there.
    let transferSyntaxUID: String?
    /// Tolerated departures from the standard.
    let deviations: [String]

    private static let preambleCount = 128
    private static let prefix = Array("DICM".utf8)

    /// Whether the prefix is where it belongs. In a bare data set the four letters may stand there by chance.
    private static func hasPrefix(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let end = preambleCount + prefix.count
        guard bytes.count >= end, bytes[preambleCount..<end].elementsEqual(prefix) else { return false }
        return ByteReader(bytes: bytes).uint16(at: end) == 0x0002
            || !TransferSyntax.explicitLittleEndian.fits(bytes, at: 0)
    }

    /// Finds the file meta information in a whole file. Throws ``DICOMError/Code/truncated`` where the file ends
    /// within it.
    init(_ bytes: UnsafeRawBufferPointer) throws(DICOMError) {
        var deviations: [String] = []
        let start: Int
        if Self.hasPrefix(bytes) {
            start = Self.preambleCount + 4
            if bytes[..<Self.preambleCount].contains(where: { $0 != 0 }) { deviations.append("nonzero_preamble") }
        } else if bytes.starts(with: Self.prefix) {
            start = Self.prefix.count
            deviations.append("missing_preamble")
        } else {
            start = 0
            deviations.append("missing_preamble")
        }

        let explicit = ElementHeader.Encoding(isExplicit: true, isBigEndian: false)
        let encoding: ElementHeader.Encoding
        if start + 6 <= bytes.count, !ElementHeader.isValueRepresentation(bytes[start + 4], bytes[start + 5]) {
            encoding = .unknown
        } else {
            encoding = explicit
        }
        var offset = start
        var transferSyntaxUID: String?
        var declaredEnd: Int?
        while let header = ElementHeader(bytes, at: offset, encoding), header.tag.group == 0x0002 {
            guard let length = header.length, length <= bytes.count - header.value else {
                throw DICOMError(
                    .truncated, "the value is declared longer than what is left of the object. Fetch the object again.",
                    tag: header.tag)
            }
            offset = header.value + length
            let reader = ByteReader(bytes: bytes)
            if header.tag == .fileMetaInformationGroupLength, let declared = reader.uint32(at: header.value) {
                declaredEnd = offset + Int(declared)
            } else if header.tag == .transferSyntaxUID {
                transferSyntaxUID = reader.text(in: header.value..<offset)
            }
        }
        if offset == start {
            deviations.append("missing_meta_header")
        } else {
            if encoding != explicit { deviations.append("implicit_meta_header") }
            if declaredEnd == nil { deviations.append("missing_meta_group_length") }
            if let declaredEnd, declaredEnd != offset { deviations.append("wrong_meta_group_length") }
            if (transferSyntaxUID ?? "").isEmpty { deviations.append("missing_transfer_syntax") }
        }
        range = start..<offset
        self.transferSyntaxUID = transferSyntaxUID.flatMap { $0.isEmpty ? nil : $0 }
        self.deviations = deviations
    }
}
