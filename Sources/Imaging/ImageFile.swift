internal import CImageFormats

/// The picture file formats that are read besides DICOM.
public enum ImageFileKind: String, Sendable, Codable {
    /// Portable Network Graphics (ISO/IEC 15948).
    case png
    /// JPEG (ITU-T T.81), in whatever container its markers stand.
    case jpeg

    /// The kind of file `bytes` begin as, judged by the first bytes alone; nil for anything else.
    public static func sniff(_ bytes: [UInt8]) -> ImageFileKind? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
        return nil
    }
}

/// The grey samples of a picture file, before trim and level.
struct ImageFile {
    /// Row-major samples of 8 or 16 bits.
    enum Samples {
        case eight([UInt8])
        case sixteen([UInt16])
    }

    /// The most pixels a picture file may declare: 100 megapixels, ten times a large radiograph.
    static let maximumPixels = 100_000_000

    let kind: ImageFileKind
    let width: Int
    let height: Int
    let samples: Samples
    /// Whether colour was replaced by its luma (ITU-R BT.601).
    let wasColour: Bool

    /// Decodes a PNG or JPEG file, transparency ignored.
    ///
    /// Throws `ImagingError`: `empty`, `notAnImage`, `truncated`, `damaged`, `tooLarge`, `unsupported`, `outOfMemory`.
    init(_ bytes: [UInt8]) throws(ImagingError) {
        guard !bytes.isEmpty else { throw ImagingError(.empty, "the file is empty") }
        guard let kind = ImageFileKind.sniff(bytes) else {
            throw ImagingError(.notAnImage, "the file is neither PNG nor JPEG")
        }
        var image = LVGreyImage()
        let limit = UInt64(Self.maximumPixels)
        let (status, message) = withMessage { message in
            bytes.withUnsafeBufferPointer { bytes in
                switch kind {
                case .png: lv_png_decode(bytes.baseAddress, bytes.count, limit, &image, message)
                case .jpeg: lv_jpeg_decode(bytes.baseAddress, bytes.count, limit, &image, message)
                }
            }
        }
        try check(status, message)
        defer { lv_image_free(image.samples) }
        let count = Int(image.width) * Int(image.height)
        self.kind = kind
        width = Int(image.width)
        height = Int(image.height)
        wasColour = image.colour != 0
        if image.bits == 16 {
            let start = image.samples.assumingMemoryBound(to: UInt16.self)
            samples = .sixteen(Array(UnsafeBufferPointer(start: start, count: count)))
        } else {
            let start = image.samples.assumingMemoryBound(to: UInt8.self)
            samples = .eight(Array(UnsafeBufferPointer(start: start, count: count)))
        }
    }
}

extension GreyPicture {
    /// The picture as a PNG file: 8-bit grey, lossless, no metadata. The bytes depend on the version of zlib; the
    /// picture's identity (`sha256`) does not.
    public func pngFile() throws(ImagingError) -> [UInt8] {
        try PNGPicture(width: width, height: height, channels: 1, pixels: pixels).file
    }

    /// The picture of an 8-bit grey PNG file, exactly as stored there. Throws `ImagingError` as for any picture file,
    /// and `unsupported` where the file is anything but an 8-bit grey PNG.
    public init(pngFile bytes: [UInt8]) throws(ImagingError) {
        let file = try ImageFile(bytes)
        guard file.kind == .png, !file.wasColour, case .eight(let pixels) = file.samples else {
            throw ImagingError(.unsupported, "the stored picture is not an 8-bit grey PNG file")
        }
        self.init(width: file.width, height: file.height, pixels: pixels)
    }
}

/// A picture as a PNG file: 8 bits a sample, lossless, no metadata.
public struct PNGPicture: Sendable {
    /// Columns and rows.
    public let width, height: Int
    /// The file.
    public let file: [UInt8]

    /// Encodes `pixels` (row-major, `width` × `height` × `channels`; 1 channel is grey, 3 are RGB). Throws
    /// `ImagingError.Code.outOfMemory`.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) throws(ImagingError) {
        precondition(pixels.count == width * height * channels && (channels == 1 || channels == 3))
        var bytes = LVImageBytes()
        let (status, message) = withMessage { message in
            pixels.withUnsafeBufferPointer {
                lv_png_encode($0.baseAddress, UInt32(width), UInt32(height), UInt32(channels), &bytes, message)
            }
        }
        try check(status, message)
        defer { lv_image_free(bytes.bytes) }
        self.width = width
        self.height = height
        file = Array(UnsafeBufferPointer(start: bytes.bytes, count: bytes.count))
    }
}

/// Runs a call of CImageFormats with room for its message.
private func withMessage(
    _ body: (UnsafeMutablePointer<CChar>) -> LVImageStatus
) -> (status: LVImageStatus, message: String) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: LVImageMessageSize) { message in
        message.initialize(repeating: 0)
        let status = body(message.baseAddress!)
        return (status, String(cString: message.baseAddress!))
    }
}

/// Turns a status of CImageFormats into an error.
private func check(_ status: LVImageStatus, _ message: String) throws(ImagingError) {
    switch status {
    case LVImageOK: return
    case LVImageTruncated: throw ImagingError(.truncated, "the picture file is cut off: \(message)")
    case LVImageTooLarge:
        throw ImagingError(.tooLarge, "the picture has more than \(ImageFile.maximumPixels) pixels: \(message)")
    case LVImageUnsupported: throw ImagingError(.unsupported, "the picture file can't be read: \(message)")
    case LVImageNoMemory: throw ImagingError(.outOfMemory, message)
    default: throw ImagingError(.damaged, "the picture file is damaged: \(message)")
    }
}
