@testable import Imaging

/// Ways to show a picture wrongly.
extension GreyPicture {
    private func map(width: Int, height: Int, _ source: (_ x: Int, _ y: Int) -> (x: Int, y: Int)) -> GreyPicture {
        var mapped: [UInt8] = []
        mapped.reserveCapacity(width * height)
        for y in 0..<height {
            for x in 0..<width {
                let from = source(x, y)
                mapped.append(pixels[from.y * self.width + from.x])
            }
        }
        return GreyPicture(width: width, height: height, pixels: mapped)
    }

    /// Left and right exchanged.
    var mirrored: GreyPicture { map(width: width, height: height) { (width - 1 - $0, $1) } }

    /// A quarter turn clockwise.
    var turned: GreyPicture { map(width: height, height: width) { ($1, height - 1 - $0) } }

    /// Black and white exchanged.
    var inverted: GreyPicture { GreyPicture(width: width, height: height, pixels: pixels.map { 255 - $0 }) }

    /// The part within `x` and `y`, shares of the width and height.
    func part(x: Range<Double>, y: Range<Double>) -> GreyPicture {
        let (left, top) = (Int(x.lowerBound * Double(width)), Int(y.lowerBound * Double(height)))
        return map(
            width: Int(x.upperBound * Double(width)) - left, height: Int(y.upperBound * Double(height)) - top
        ) { ($0 + left, $1 + top) }
    }
}
