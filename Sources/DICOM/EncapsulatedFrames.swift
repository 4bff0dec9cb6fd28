/// The fragments of compressed pixel data, by frame (PS3.5 A.4).
struct EncapsulatedFrames {
    private let layout: ObjectLayout
    private let pixelData: StructureWalk.PixelDataElement
    private let frameCount: Int

    init(_ layout: ObjectLayout, _ pixelData: StructureWalk.PixelDataElement, frameCount: Int) {
        self.layout = layout
        self.pixelData = pixelData
        self.frameCount = frameCount
    }

    /// Passes the code stream of a frame to `body`: where it lies if it is one fragment, else its fragments joined.
    func withCodestream<Result>(
        ofFrame frame: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(DICOMError) -> Result
    ) throws(DICOMError) -> Result {
        let fragments = try fragments(ofFrame: frame)
        guard fragments.count != 1 else {
            return try layout.storage.withUnsafeBufferPointer { (storage) throws(DICOMError) in
                try body(UnsafeBufferPointer(rebasing: storage[fragments[0]]))
            }
        }
        var joined: [UInt8] = []
        joined.reserveCapacity(fragments.reduce(0) { $0 + $1.count })
        for fragment in fragments { joined.append(contentsOf: layout.storage[fragment]) }
        return try joined.withUnsafeBufferPointer { (joined) throws(DICOMError) in try body(joined) }
    }

    /// Which fragments hold frame `frame`: as an offset table says, else one each, else where code streams begin.
    private func fragments(ofFrame frame: Int) throws(DICOMError) -> [Range<Int>] {
        let fragments = pixelData.fragments
        guard !fragments.isEmpty else {
            throw DICOMError(.pixelDataMismatch, "there is no fragment of compressed data.", tag: .pixelData)
        }
        if frameCount == 1 { return fragments }
        if fragments.count == frameCount { return [fragments[frame]] }
        guard let starts = firstFragmentsByOffset() ?? firstFragmentsByMarker(), starts.count == frameCount else {
            throw DICOMError(
                .decodeFailed, "nothing says which of the \(fragments.count) fragments belong to which frame.",
                tag: .pixelData)
        }
        let end = frame + 1 < frameCount ? starts[frame + 1] : fragments.count
        return Array(fragments[starts[frame]..<end])
    }

    /// The first fragment of each frame by the basic or extended offset table, if one is there and fits.
    private func firstFragmentsByOffset() -> [Int]? {
        let offsets = extendedOffsets() ?? basicOffsets()
        guard offsets.count == frameCount, let origin = pixelData.fragments.first?.lowerBound else { return nil }
        // Offsets count from the first byte of the item tag after the table, which is 8 bytes before the fragment's
        // value.
        var byOffset: [Int: Int] = [:]
        for (index, fragment) in pixelData.fragments.enumerated() { byOffset[fragment.lowerBound - origin] = index }
        let starts = offsets.compactMap { byOffset[$0] }
        guard starts.count == frameCount, starts.first == 0, zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            return nil
        }
        return starts
    }

    private func basicOffsets() -> [Int] {
        guard let table = pixelData.offsetTable else { return [] }
        return layout.storage.withUnsafeBytes { bytes in
            let reader = ByteReader(bytes: bytes)
            return stride(from: table.lowerBound, to: table.upperBound - 3, by: 4).compactMap { offset in
                reader.uint32(at: offset).map(Int.init)
            }
        }
    }

    private func extendedOffsets() -> [Int]? {
        guard let table = layout.extendedOffsetTable, table.count == frameCount * 8 else { return nil }
        return layout.storage.withUnsafeBytes { bytes in
            let reader = ByteReader(bytes: bytes)
            return stride(from: table.lowerBound, to: table.upperBound - 7, by: 8).compactMap { offset in
                guard let low = reader.uint32(at: offset), let high = reader.uint32(at: offset + 4), high < 1 << 30
                else {
                    return nil
                }
                return Int(high) << 32 | Int(low)
            }
        }
    }

    /// The fragments that begin as a code stream of JPEG (SOI) or JPEG 2000 (SOC, SIZ) does.
    private func firstFragmentsByMarker() -> [Int]? {
        let marker: [UInt8]
        switch layout.transferSyntax.coding {
        case .jpeg, .jpegLS: marker = [0xFF, 0xD8, 0xFF]
        case .jpeg2000: marker = [0xFF, 0x4F, 0xFF, 0x51]
        default: return nil
        }
        let starts = pixelData.fragments.indices.filter { layout.storage[pixelData.fragments[$0]].starts(with: marker) }
        return starts.first == 0 ? starts : nil
    }
}
