extension TransferSyntax {
    /// The transfer syntax to read a data set with: the one declared if its first element fits it, else one that it
    /// fits.
    ///
    /// Throws ``DICOMError/Code/notDICOM`` where nothing is declared and the bytes do not look like a data set, and
    /// ``DICOMError/Code/malformed`` where something is declared, nothing fits, and so nothing can be read.
    static func determine(
        declared uid: String?, _ bytes: UnsafeRawBufferPointer, at start: Int, deviations: inout [String]
    ) throws(DICOMError) -> TransferSyntax {
        let declared = uid.map(TransferSyntax.init(uid:))
        // A file may end after its meta information; that is an object without attributes.
        if let declared, start >= bytes.count { return declared }
        if let declared, declared.fits(bytes, at: start) { return declared }
        let found = [explicitLittleEndian, explicitBigEndian, implicitLittleEndian].first { $0.fits(bytes, at: start) }
        if let declared {
            guard let found else {
                if bytes.count - start < 8 {
                    throw DICOMError(
                        .truncated, "the object ends within the header of its first element. Fetch the object again.")
                }
                throw DICOMError(.malformed, "the data set is not in the transfer syntax \(declared.name).")
            }
            deviations.append("transfer_syntax_mismatch")
            guard declared.isEncapsulated else { return found }
            // The header is encoded unlike declared, the pixel data may well be as declared.
            var mixed = declared
            mixed.isExplicit = found.isExplicit
            mixed.isBigEndian = found.isBigEndian
            return mixed
        }
        guard let found else {
            throw DICOMError(.notDICOM, "the bytes are neither a DICOM file nor a bare data set.")
        }
        return found
    }

    /// The UID if it can be printed: a damaged one may hold anything.
    private var name: String {
        uid.utf8.count <= 64 && uid.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
            ? uid : "declared"
    }

    /// Whether the first element at `start` can be read in this encoding, and leads to another or to the end.
    ///
    /// Any eight bytes are a header of some kind, so the tag must be in the dictionary or private and stand where
    /// data sets start: from group 0001 of some private headers to the patient and image groups. Other byte orders
    /// give groups above.
    func fits(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
        let encoding = ElementHeader.Encoding(isExplicit: isExplicit, isBigEndian: isBigEndian)
        guard let first = ElementHeader(bytes, at: start, encoding) else { return false }
        if isExplicit {
            guard ElementHeader.isValueRepresentation(bytes[start + 4], bytes[start + 5]) else { return false }
            return first.tag.isPrivate || (first.tag.group <= 0x0060 && isKnown(first.tag))
        }
        guard first.tag.isPrivate || isKnown(first.tag), first.tag.group <= 0x0060 else { return false }
        guard let length = first.length else {
            let next = ElementHeader(bytes, at: first.value, encoding)
            return next?.tag == .item || next?.tag == .sequenceDelimitationItem
        }
        guard length <= bytes.count - first.value else { return false }
        guard let second = ElementHeader(bytes, at: first.value + length, encoding) else { return true }
        return second.tag > first.tag && second.tag.group <= 0x7FE0
    }

    private func isKnown(_ tag: DICOMTag) -> Bool {
        tag.group >= 0x0004 && (tag.element == 0 || tag.keyword != nil)
    }
}
