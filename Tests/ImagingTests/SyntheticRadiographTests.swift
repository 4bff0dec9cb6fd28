import DICOM
import Testing

@testable import Imaging

@Suite("Synthetic radiographs")
struct SyntheticRadiographTests {
    /// The smallest of the first few, of either modality and polarity: unoptimised builds take long over ten
    /// megapixels.
    private static func smallest(where matches: (SyntheticRadiograph) -> Bool) -> SyntheticRadiograph {
        (0..<60).map { SyntheticRadiograph(seed: 5, index: $0) }.filter(matches)
            .min { $0.rows * $0.columns < $1.rows * $1.columns }!
    }

    static let examples = [
        smallest { $0.modality == "CR" && $0.lowIsWhite }, smallest { $0.modality == "DX" && !$0.lowIsWhite },
        smallest { $0.modality == "DX" && $0.lowIsWhite && $0.border > 0 },
    ]

    @Test("one is read back, rendered and accepted as a frontal chest radiograph", arguments: examples)
    func accepted(example: SyntheticRadiograph) throws {
        let object = try DICOMObject(bytes: example.dicomFile())
        let pixels = try object.storedPixels(frame: 0)
        #expect(pixels.rows == example.rows && pixels.columns == example.columns)
        #expect(pixels.bitsStored == example.bitsStored)
        let radiograph = try Radiograph(pixels, of: object.dataset, profile: .cxrRisk)
        let decision = GateRules().decide(facts: GateFacts(object.dataset), radiograph: radiograph)
        #expect(decision.isAccepted && decision.flags.isEmpty, "\(decision)")
        #expect(radiograph.provenance.polarity.inverted == example.lowIsWhite)
        // The shutter's border is gone, or nearly: noise may be black too.
        #expect(radiograph.provenance.trim.width <= example.columns - 2 * example.border)

        let picture = radiograph.picture
        func mean(_ x: Range<Double>, _ y: Range<Double>) -> Double {
            var sum = 0
            var count = 0
            for row in Int(y.lowerBound * Double(picture.height))..<Int(y.upperBound * Double(picture.height)) {
                for column in Int(x.lowerBound * Double(picture.width))..<Int(x.upperBound * Double(picture.width)) {
                    sum += Int(picture.pixels[row * picture.width + column])
                    count += 1
                }
            }
            return Double(sum) / Double(count)
        }
        let (lungs, spine, abdomen) = (
            (mean(0.25..<0.32, 0.45..<0.6) + mean(0.68..<0.75, 0.45..<0.6)) / 2, mean(0.48..<0.52, 0.45..<0.6),
            mean(0.3..<0.7, 0.92..<0.96)
        )
        #expect(
            lungs + 40 < spine && lungs + 40 < abdomen, "bone is white, air is dark: \(lungs), \(spine), \(abdomen)")
    }

    @Test("seed and index decide every byte")
    func deterministic() throws {
        let example = Self.examples[0]
        let again = SyntheticRadiograph(seed: example.seed, index: example.index)
        let isEqual = try again.dicomFile() == example.dicomFile()
        #expect(isEqual)
    }

    @Test("sizes, depths, polarities and both modalities occur, and UIDs are unique")
    func variety() {
        let many = (0..<300).map { SyntheticRadiograph(seed: 9, index: $0) }
        #expect(many.allSatisfy { (2_000_000...10_000_000).contains($0.rows * $0.columns) })
        #expect(many.allSatisfy { (0.1...0.3).contains($0.pixelSpacing) })
        #expect(Set(many.map(\.bitsStored)) == Set(10...16))
        #expect(Set(many.map(\.modality)) == ["CR", "DX"] && Set(many.map(\.viewPosition)) == ["PA", "AP"])
        #expect(many.contains { $0.lowIsWhite } && many.contains { !$0.lowIsWhite } && many.contains { $0.border > 0 })
        let others = (0..<300).map { SyntheticRadiograph(seed: 10, index: $0) }
        let uids = (many + others).flatMap { [$0.uid(stream: 10), $0.uid(stream: 11), $0.uid(stream: 12)] }
        #expect(Set(uids).count == 1800)
        #expect(uids.allSatisfy { $0.utf8.count <= 64 && $0.hasPrefix("2.25.") })
    }
}
