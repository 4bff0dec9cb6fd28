import TestSupport
import Testing

@testable import Imaging

@Suite("Rendering stored values")
struct RenderingTests {
    /// Samples with a border of `border`, over the whole range of the type or a part of it.
    private func samples<Sample: StoredSample>(
        _: Sample.Type, width: Int, height: Int, in range: ClosedRange<Sample>, border: Sample, seed: UInt64
    ) -> [Sample] {
        var random = SeededGenerator(state: seed)
        return (0..<width * height).map {
            let (x, y) = ($0 % width, $0 / width)
            if x < 3 || y < 2 || x >= width - 1 || y >= height - 4 { return border }
            return Sample.random(in: range, using: &random)
        }
    }

    private func check<Sample: StoredSample>(
        _ samples: [Sample], width: Int, attributes: GreyscaleAttributes, _ value: (Sample) -> Double,
        inverted: Bool, _ comment: Comment
    ) throws {
        let (_, table) = try transform(attributes, Sample.self)
        let sign = inverted ? -1.0 : 1.0
        let trimmed = Reference.trim(samples.map { sign * value($0) }, width: width)
        let expected = Reference.level(trimmed)
        for kernels in RenderingKernels.allCases where kernels.isSupported {
            for extremes in [nil, samples.min()!...samples.max()!] {
                let result = TrimmedAndLevelled(
                    samples, width: width, height: samples.count / width, table: table, inverted: inverted,
                    extremes: extremes, kernels: kernels)
                #expect(result.picture.width == trimmed.width && result.picture.height == trimmed.height, comment)
                #expect(result.picture.pixels == expected.pixels, comment)
                #expect(result.level.low == (inverted ? -expected.high : expected.low), comment)
                #expect(result.level.high == (inverted ? -expected.low : expected.high), comment)
            }
        }
    }

    private func transform<Sample: StoredSample>(
        _ attributes: GreyscaleAttributes, _: Sample.Type
    ) throws -> (ModalityTransform, ValueTable) {
        if let lut = attributes.lookupTable {
            return (.identity, ValueTable(entries: lut.entries, firstMapped: lut.firstMapped, for: Sample.self))
        }
        if let (slope, intercept) = attributes.rescale {
            return (.identity, ValueTable(slope: slope, intercept: intercept, for: Sample.self))
        }
        return (.identity, ValueTable(identityFor: Sample.self))
    }

    @Test("trim and level equal the reference arithmetic, bit for bit", arguments: [false, true])
    func equalsReference(inverted: Bool) throws {
        let monochrome = GreyscaleAttributes(photometricInterpretation: "MONOCHROME2")
        var rescaled = monochrome
        rescaled.rescale = (-0.37, 1234.5)
        for (index, range) in [UInt16(0)...4095, 0...65535, 17...18, 1000...1600].enumerated() {
            let values = samples(
                UInt16.self, width: 61, height: 47, in: range, border: range.lowerBound, seed: UInt64(index))
            try check(values, width: 61, attributes: monochrome, { Double($0) }, inverted: inverted, "\(range)")
            try check(
                values, width: 61, attributes: rescaled, { Double($0) * -0.37 + 1234.5 }, inverted: inverted, "\(range)"
            )
        }
        let signed = samples(Int16.self, width: 40, height: 33, in: -32768...32767, border: -5, seed: 9)
        try check(signed, width: 40, attributes: monochrome, { Double($0) }, inverted: inverted, "signed")
        try check(
            signed, width: 40, attributes: rescaled, { Double($0) * -0.37 + 1234.5 }, inverted: inverted, "signed")
    }

    @Test("every stored value of every depth is levelled as in float64, ties included", arguments: [false, true])
    func everyValue(inverted: Bool) throws {
        var rescaled = GreyscaleAttributes(photometricInterpretation: "MONOCHROME2")
        rescaled.rescale = (0.1, -1024)
        let plain = GreyscaleAttributes(photometricInterpretation: "MONOCHROME2")
        for highest in [1, 2, 254, 255, 256, 510, 1023, 1024, 4095, 8191, 10_200, 16_383, 32_767, 65_534, 65_535] {
            // The border is a value in the middle, so that both extremes lie inside.
            let inner = (0...highest).map(UInt16.init)
            let width = inner.count + 2
            let border = [UInt16](repeating: UInt16(highest / 2), count: width)
            let samples = border + [border[0]] + inner + [border[0]] + border
            try check(samples, width: width, attributes: plain, { Double($0) }, inverted: inverted, "\(highest)")
            try check(
                samples, width: width, attributes: rescaled, { Double($0) * 0.1 - 1024 }, inverted: inverted,
                "\(highest), rescaled")
        }
    }

    @Test("a modality LUT that goes up and down is levelled by the values that occur", arguments: [false, true])
    func lookupTable(inverted: Bool) throws {
        let entries = (0..<200).map { UInt16(($0 * 73) % 401) }
        var attributes = GreyscaleAttributes(photometricInterpretation: "MONOCHROME2")
        attributes.lookupTable = .init(firstMapped: -20, entries: entries)
        let stored = samples(Int16.self, width: 23, height: 19, in: -60...220, border: 3, seed: 4)
        try check(
            stored, width: 23, attributes: attributes, { Double(entries[min(max(Int($0) + 20, 0), 199)]) },
            inverted: inverted, "LUT")
    }

    @Test("trim compares values, so stored values that a LUT joins are one border")
    func trimAfterTransform() throws {
        var attributes = GreyscaleAttributes(photometricInterpretation: "MONOCHROME2")
        attributes.lookupTable = .init(firstMapped: 0, entries: [7, 7, 7, 9, 12])
        let (_, table) = try transform(attributes, UInt16.self)
        let stored: [UInt16] = [0, 1, 2, 1, 3, 4, 2, 4, 1]
        let result = TrimmedAndLevelled(stored, width: 3, height: 3, table: table, inverted: false)
        #expect(result.trim == .init(x: 1, y: 1, width: 2, height: 2))
        #expect(
            result.picture.pixels
                == Reference.level(Reference.trim(stored.map { table.values[Int($0)] }, width: 3)).pixels)
    }

    @Test("a single pixel that differs is what trimming keeps, wherever it is")
    func singlePixel() {
        for place in [0, 4, 5, 12, 20, 24] {
            var samples = [UInt16](repeating: 9, count: 25)
            samples[place] = 3
            let table = ValueTable(identityFor: UInt16.self)
            let result = TrimmedAndLevelled(samples, width: 5, height: 5, table: table, inverted: false)
            let reference = Reference.trim(samples.map(Double.init), width: 5)
            #expect(result.trim.width == reference.width && result.trim.height == reference.height, "\(place)")
        }
    }

    @Test("a constant picture becomes black at its full size, and is flagged")
    func constant() throws {
        let radiograph = try Radiograph(
            stored: [UInt16](repeating: 777, count: 64 * 64), width: 64, height: 64,
            attributes: .init(photometricInterpretation: "MONOCHROME1"), shorterSide: 64)
        #expect(radiograph.picture.pixels == [UInt8](repeating: 0, count: 64 * 64))
        #expect(radiograph.flags == ["constant_picture"])
    }

    @Test(
        "polarity is inverted once, and contradictions follow the Presentation LUT Shape and are flagged",
        arguments: [
            ("MONOCHROME1", nil, true, false), ("MONOCHROME2", nil, false, false),
            ("MONOCHROME1", "INVERSE", true, false),
            ("MONOCHROME2", "IDENTITY", false, false), ("MONOCHROME2", "INVERSE", true, true),
            ("MONOCHROME1", "IDENTITY", false, true),
        ] as [(String, String?, Bool, Bool)])
    func polarity(photometric: String, shape: String?, inverted: Bool, contradiction: Bool) throws {
        let radiograph = try Radiograph(
            stored: [UInt16(10), 20, 30, 40], width: 2, height: 2,
            attributes: .init(photometricInterpretation: photometric, presentationLUTShape: shape), shorterSide: 2)
        #expect(radiograph.provenance.polarity.inverted == inverted)
        #expect(radiograph.picture.pixels == (inverted ? [255, 170, 85, 0] : [0, 85, 170, 255]))
        #expect(radiograph.flags.contains("polarity_contradiction") == contradiction)
    }

    @Test("colour is refused as not greyscale", arguments: ["RGB", "PALETTE COLOR", "YBR_FULL_422"])
    func colour(photometric: String) {
        let error = #expect(throws: ImagingError.self) {
            try Radiograph(
                stored: [UInt8(1), 2], width: 2, height: 1, attributes: .init(photometricInterpretation: photometric),
                shorterSide: 512)
        }
        #expect(error?.code == .notGreyscale)
    }

    @Test("a rescale that can't be meant is refused", arguments: [0, .nan, .infinity, 1e300])
    func impossibleRescale(slope: Double) {
        let error = #expect(throws: ImagingError.self) {
            try Radiograph(
                stored: [UInt16(1), 2], width: 2, height: 1,
                attributes: .init(photometricInterpretation: "MONOCHROME2", rescale: (slope, 0)), shorterSide: 512)
        }
        #expect(error?.code == .invalidModalityTransform)
    }

    @Test("a sliver is refused instead of being enlarged without bound")
    func sliver() {
        var samples = [UInt16](repeating: 0, count: 4000 * 20)
        for x in 0..<4000 { samples[x + 4000 * 7] = UInt16(x + 1) }
        let error = #expect(throws: ImagingError.self) {
            try Radiograph(
                stored: samples, width: 4000, height: 20, attributes: .init(photometricInterpretation: "MONOCHROME2"),
                shorterSide: 512)
        }
        #expect(error?.code == .extremeAspectRatio)
    }
}
