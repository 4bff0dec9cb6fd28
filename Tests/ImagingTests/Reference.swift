/// The published steps written out pixel by pixel in float64, to hold the table-driven ones against.
enum Reference {
    struct Values {
        var values: [Double]
        var width: Int
        var height: Int { values.count / width }
    }

    static func trim(_ values: [Double], width: Int) -> Values {
        let height = values.count / width
        let different = values.indices.filter { values[$0] != values[0] }
        guard !different.isEmpty else { return Values(values: values, width: width) }
        let (rows, columns) = (different.map { $0 / width }, different.map { $0 % width })
        let (left, right) = (columns.min()!, columns.max()!)
        var kept: [Double] = []
        for y in rows.min()!...rows.max()! { kept += values[y * width + left...y * width + right] }
        precondition(rows.max()! < height)
        return Values(values: kept, width: right - left + 1)
    }

    static func level(_ picture: Values) -> (pixels: [UInt8], low: Double, high: Double) {
        let (low, high) = (picture.values.min()!, picture.values.max()!)
        if low == high { return ([UInt8](repeating: 0, count: picture.values.count), low, high) }
        return (picture.values.map { UInt8((($0 - low) / (high - low) * 255 + 0.5).rounded(.down)) }, low, high)
    }
}
