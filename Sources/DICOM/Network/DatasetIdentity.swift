import CDCMTK

/// SOP Class UID and SOP Instance UID, read from the beginning of a data set.
///
/// Both stand in group 0008, before anything large; so they can be known before the whole object is there.
struct DatasetIdentity: Equatable {
    let sopClassUID: String
    let sopInstanceUID: String
    /// The transfer syntax that fits the data set: the one declared, unless its first element says otherwise.
    let transferSyntaxUID: String

    /// As much of a data set as is looked at, in bytes.
    static let headCount = 64 << 10

    /// Reads them from `head`, the first ``headCount`` bytes of a data set or all of it.
    ///
    /// Throws ``DICOMError/Code/invalidAttribute`` where one is missing, and what ``StructureWalk`` throws where the
    /// bytes can't be read so far.
    init(head: UnsafeRawBufferPointer, isWhole: Bool, transferSyntaxUID: String?) throws(DICOMError) {
        guard !head.isEmpty else { throw DICOMError(.empty, "the data set is empty.") }
        if let transferSyntaxUID, TransferSyntax(uid: transferSyntaxUID).isDeflated {
            var inflated: [UInt8] = []
            var status = CDCMTK_OK
            inflated = [UInt8](unsafeUninitializedCapacity: Self.headCount) { buffer, count in
                let source = CDCMTK_bytes(start: head.bindMemory(to: UInt8.self).baseAddress, count: head.count)
                status = CDCMTK_inflate_head(source, buffer.baseAddress, Self.headCount, &count)
            }
            guard status == CDCMTK_OK else { throw DICOMError(.malformed, "the deflated data set is damaged.") }
            self = try inflated.withUnsafeBufferPointer { (bytes) throws(DICOMError) in
                try Self(
                    UnsafeRawBufferPointer(bytes), isWhole: isWhole && bytes.count < Self.headCount,
                    declared: transferSyntaxUID)
            }
        } else {
            self = try Self(head, isWhole: isWhole, declared: transferSyntaxUID)
        }
    }

    private init(_ head: UnsafeRawBufferPointer, isWhole: Bool, declared: String?) throws(DICOMError) {
        var deviations: [String] = []
        let syntax = try TransferSyntax.determine(declared: declared, head, at: 0, deviations: &deviations)
        var walk = StructureWalk(head, limits: DICOMLimits())
        do throws(DICOMError) {
            _ = try walk.dataset(
                from: 0, ElementHeader.Encoding(isExplicit: syntax.isExplicit, isBigEndian: syntax.isBigEndian))
        } catch {
            // The head ends somewhere within an element, unless it is all there is.
            guard !isWhole, error.code == .truncated || walk.sopInstanceUID != nil else { throw error }
        }
        let reader = ByteReader(bytes: head)
        guard let sopClass = walk.sopClassUID.map(reader.text) else {
            throw DICOMError(.invalidAttribute, "the data set does not say what it is.", tag: .sopClassUID)
        }
        guard let sopInstance = walk.sopInstanceUID.map(reader.text), DICOMUID.isValid(sopInstance) else {
            throw DICOMError(.invalidAttribute, "the data set does not say which it is.", tag: .sopInstanceUID)
        }
        sopClassUID = sopClass
        sopInstanceUID = sopInstance
        transferSyntaxUID = syntax.uid
    }
}
