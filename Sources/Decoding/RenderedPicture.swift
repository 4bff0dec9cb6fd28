import DICOM
import Imaging

/// A picture for `longview dicom render`: of a radiograph what a model is shown, of a colour picture its colours.
struct RenderedPicture {
    let width, height: Int
    /// 1 (grey) or 3 (red, green, blue side by side).
    let channels: Int
    let pixels: [UInt8]

    /// Renders the bytes of a file. Throws `DICOMError` or `ImagingError`.
    init(_ bytes: [UInt8], profile: PreprocessingProfile) throws {
        let radiograph: Radiograph
        if ImageFileKind.sniff(bytes) != nil {
            radiograph = try Radiograph(imageFile: bytes)
        } else {
            let object = try DICOMObject(bytes: bytes)
            let stored = try object.storedPixels()
            if let colour = try ColourPicture(stored, of: object.dataset) {
                (width, height, channels, pixels) = (colour.width, colour.height, 3, colour.pixels)
                return
            }
            radiograph = try Radiograph(stored, of: object.dataset, profile: profile)
        }
        let picture = radiograph.picture
        (width, height, channels, pixels) = (picture.width, picture.height, 1, picture.pixels)
    }
}
