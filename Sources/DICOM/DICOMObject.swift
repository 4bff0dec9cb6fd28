import CDCMTK

/// One DICOM object: file meta information, attributes, and pixel data (PS3.10).
///
/// Attributes are DCMTK's reading; Pixel Data is never given to DCMTK's parser but read where it lies in the bytes.
///
/// Thread safety: one thread at a time for an object and all the ``DICOMDataset`` values taken from it, since DCMTK's
/// accessors keep state. Different objects can be read and decoded at the same time; the codecs and the dictionary
/// they share are set up once a process and only read afterwards.
public final class DICOMObject {
    let handle: OpaquePointer
    let layout: ObjectLayout
    let limits: DICOMLimits
    private var pixelDescription: Result<PixelDescription, DICOMError>?

    /// The transfer syntax used to read the object: as declared, unless `deviations` says otherwise.
    public let transferSyntaxUID: String

    /// Tolerated departures from the standard, as codes such as `missing_meta_header`; no repair happens without one.
    public private(set) var deviations: [String]

    /// Parses a whole file, or a bare data set, from its bytes.
    ///
    /// Throws ``DICOMError``: `empty_file`, `not_dicom`, `truncated`, `malformed`, `nesting_too_deep`, `too_large` or
    /// `library_unusable`. An object without pixels is not an error here, but in ``storedPixels(frame:)``.
    public convenience init(bytes: [UInt8]) throws(DICOMError) {
        try self.init(bytes: bytes, limits: DICOMLimits())
    }

    /// Parses as ``init(bytes:)``, within other bounds.
    public init(bytes: [UInt8], limits: DICOMLimits) throws(DICOMError) {
        try DICOMLibrary.initialise()
        let layout = try ObjectLayout(bytes, limits: limits)
        var created: OpaquePointer?
        var message = CDCMTK_message()
        let status = layout.meta.withUnsafeBufferPointer { meta in
            layout.storage.withUnsafeBufferPointer { storage in
                CDCMTK_object_create(
                    CDCMTK_bytes(meta), CDCMTK_bytes(storage, layout.head), CDCMTK_bytes(storage, layout.tail),
                    layout.transferSyntax.isExplicit ? 1 : 0, layout.transferSyntax.isBigEndian ? 1 : 0, &created,
                    &message)
            }
        }
        try DICOMLibrary.check(status, message)
        guard let created else { throw DICOMError(.libraryUnusable, "DCMTK returned no object.") }
        handle = created
        self.layout = layout
        self.limits = limits
        transferSyntaxUID = layout.transferSyntax.uid
        deviations = layout.deviations
        if !dataset.characterSet.isKnown { deviations.append("unknown_character_set") }
        // Read once, and now: what is odd about the pixels' description belongs to what the record says of the object.
        if let pixelData = layout.pixelData, !pixelData.isEmpty {
            pixelDescription = Result { () throws(DICOMError) in
                try PixelDescription(
                    dataset, pixelData, isBigEndian: layout.transferSyntax.isBigEndian, limits: limits,
                    deviations: &deviations)
            }
        }
    }

    deinit { CDCMTK_object_destroy(handle) }

    /// The main data set.
    public var dataset: DICOMDataset { DICOMDataset(object: self, item: CDCMTK_object_dataset(handle)) }

    /// The file meta information (group 0002); without attributes if the object has none.
    public var fileMetaInformation: DICOMDataset { DICOMDataset(object: self, item: CDCMTK_object_meta(handle)) }

    /// Whether there is Pixel Data under `tag`, which DCMTK has not been told of.
    func holdsPixelData(as tag: DICOMTag) -> Bool { layout.pixelData?.tag == tag }

    /// What the attributes say of the pixels, held against the data that is there.
    func describedPixels() throws(DICOMError) -> (PixelDescription, StructureWalk.PixelDataElement) {
        guard let pixelDescription, let pixelData = layout.pixelData else {
            throw DICOMError(.noPixelData, "the object holds no picture.", tag: .pixelData)
        }
        return (try pixelDescription.get(), pixelData)
    }
}

extension CDCMTK_bytes {
    init(_ buffer: UnsafeBufferPointer<UInt8>) { self.init(start: buffer.baseAddress, count: buffer.count) }

    init(_ buffer: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        self.init(UnsafeBufferPointer(rebasing: buffer[range]))
    }
}
