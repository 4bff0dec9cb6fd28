extension DICOMObject {
    /// The object as a Part 10 file under another SOP Instance UID, every other element of its data set as it was: a new
    /// object with the same picture. A deflated data set is written inflated.
    ///
    /// Throws ``DICOMError/Code/invalidAttribute`` where the object does not say what or which it is.
    public func file(renamed sopInstanceUID: String) throws(DICOMError) -> [UInt8] {
        guard let value = layout.sopInstanceUID else {
            throw DICOMError(.invalidAttribute, "the object does not say which it is.", tag: .sopInstanceUID)
        }
        guard let sopClassUID = dataset.string(.sopClassUID) else {
            throw DICOMError(.invalidAttribute, "the object does not say what it is.", tag: .sopClassUID)
        }
        let syntax = layout.transferSyntax
        var name = Array(sopInstanceUID.utf8)
        if name.count & 1 == 1 { name.append(0) }
        // The length stands before the value: 2 bytes for UI, 4 where the value representation is implicit (PS3.5 7.1).
        let lengthCount = syntax.isExplicit ? 2 : 4
        var length = (0..<lengthCount).map { UInt8(truncatingIfNeeded: name.count >> (8 * $0)) }
        if syntax.isBigEndian { length.reverse() }
        var file = try DICOMBuilder.fileHead(
            sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID,
            transferSyntaxUID: syntax.isDeflated ? DICOMUID.explicitLittleEndian : syntax.uid)
        file += layout.storage[layout.head.lowerBound..<value.lowerBound - lengthCount]
        file += length + name
        file += layout.storage[value.upperBound..<layout.tail.upperBound]
        return file
    }
}
