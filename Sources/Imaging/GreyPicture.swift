internal import Crypto

/// An 8-bit grey picture: what is shown, scored and stored. Minimum is black.
public struct GreyPicture: Sendable, Equatable {
    /// Columns; at least 1.
    public let width: Int
    /// Rows; at least 1.
    public let height: Int
    /// The `width` × `height` pixels, row-major, without padding.
    public let pixels: [UInt8]

    /// The picture of `pixels` (row-major, `width` × `height` of them; anything else is a programming error).
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height, "pixels must fill the picture")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The picture's identity, in lower-case hex: SHA-256 over its binary PGM form, `P5\n<width> <height>\n255\n` and
    /// then the pixels.
    ///
    /// The PGM form holds the picture and nothing else, so anyone can recompute the identity from a stored PNG without
    /// this software: `pngtopnm picture.png | sha256sum` (netpbm).
    public var sha256: String {
        var hash = SHA256()
        hash.update(data: Array("P5\n\(width) \(height)\n255\n".utf8))
        hash.update(data: pixels)
        return hash.finalize().lowerCaseHex
    }
}
