import DICOM
import Foundation
import TestSupport
import Testing

@testable import Imaging

@Suite("Frontal check")
struct FrontalCheckTests {
    /// A synthetic radiograph as it is rendered, shrunk to keep unoptimised builds quick.
    static let synthetic: GreyPicture = {
        let example = (0..<30).map { SyntheticRadiograph(seed: 11, index: $0) }
            .min { $0.rows * $0.columns < $1.rows * $1.columns }!
        let values = example.storedValues().map { example.lowIsWhite ? UInt16((1 << example.bitsStored) - 1) - $0 : $0 }
        let shift = example.bitsStored - 8
        let picture = GreyPicture(
            width: example.columns, height: example.rows, pixels: values.map { UInt8($0 >> UInt16(shift)) })
        return LanczosResampler.resample(picture, width: 256, height: 256 * example.rows / example.columns)
    }()

    static let phantom = GreyPicture(
        width: 192, height: 256,
        pixels: ChestPhantom.pixels(width: 192, height: 256, highest: 255).map { UInt8($0) })

    @Test(
        "a chest is recognised, and so is each way to show it wrongly", arguments: ["synthetic radiograph", "phantom"])
    func transforms(name: String) {
        let picture = name == "phantom" ? Self.phantom : Self.synthetic
        let cases: [(GreyPicture, FrontalVerdict.Reason?)] = [
            (picture, nil), (picture.mirrored, nil),
            (picture.turned.turned, .upsideDown), (picture.turned.turned.mirrored, .upsideDown),
            (picture.turned, .rotated), (picture.turned.turned.turned, .rotated), (picture.turned.mirrored, .rotated),
            (picture.inverted, .inverted),
            (picture.part(x: 0..<0.5, y: 0..<1), .notFrontalChest),
            (picture.part(x: 0.5..<1, y: 0..<1), .notFrontalChest),
            (picture.part(x: 0..<1, y: 0.7..<1), .notFrontalChest),
        ]
        for (index, (shown, reason)) in cases.enumerated() {
            let verdict = FrontalCheck.judge(shown)
            #expect(verdict.reason == reason, "case \(index): \(verdict)")
            #expect((verdict.verdict == .frontal) == (reason == nil), "case \(index): \(verdict)")
            #expect((0...1).contains(verdict.probability) && verdict.version == FrontalCheck.version)
        }
    }

    @Test("noise, a gradient and a leg-like shape are no chest")
    func others() {
        var random = SeededGenerator(state: 4)
        let noise = GreyPicture(width: 64, height: 48, pixels: (0..<64 * 48).map { _ in UInt8(random.next() & 255) })
        let gradient = GreyPicture(width: 64, height: 64, pixels: (0..<64 * 64).map { UInt8($0 / 64 * 4) })
        let leg = GreyPicture(
            width: 64, height: 96,
            pixels: (0..<64 * 96).map { abs($0 % 64 - 32) < 5 ? 250 : abs($0 % 64 - 32) < 16 ? 130 : 5 })
        for picture in [noise, gradient, leg] {
            let verdict = FrontalCheck.judge(picture)
            #expect(verdict.verdict == .notFrontal && verdict.reason == .notFrontalChest, "\(verdict)")
        }
    }

    @Test("pictures of any size are judged, in bounded time")
    func sizes() {
        for (width, height) in [(1, 1), (1, 500), (7, 3), (31, 33), (33, 31), (5000, 40)] {
            let verdict = FrontalCheck.judge(
                GreyPicture(width: width, height: height, pixels: (0..<width * height).map { UInt8($0 % 251) }))
            #expect(verdict.verdict != .frontal)
        }
        // Sixty times as many pixels, the same number of samples.
        let small = LanczosResampler.resample(Self.phantom, width: 512, height: 600)
        let large = GreyPicture(
            width: 4096, height: 4800,
            pixels: [UInt8](unsafeUninitializedCapacity: 4096 * 4800) { pixels, count in
                for y in 0..<4800 {
                    for x in 0..<4096 { pixels[y * 4096 + x] = small.pixels[y / 8 * 512 + x / 8] }
                }
                count = 4096 * 4800
            })
        func quickest(_ picture: GreyPicture) -> Duration {
            (0..<7).map { _ in ContinuousClock().measure { _ = FrontalCheck.judge(picture) } }.min()!
        }
        let (short, long) = (quickest(small), quickest(large))
        #expect(long < short * 6 + .milliseconds(40), "\(short) and \(long)")
        print("frontal check: \(short) for 512 × 600 pixels, \(long) for 4096 × 4800")
    }

    @Test("ranks say how many are lower less how many are higher")
    func ranks() {
        #expect(FrontalCheck.ranks(of: [5, 1, 9, 1]) == [1, -2, 3, -2])
        #expect(FrontalCheck.ranks(of: [7, 7, 7]) == [0, 0, 0])
    }

    @Test("cells average the pixels they cover, and at most sixteen rows and columns of them")
    func cells() {
        let small = GreyPicture(width: 64, height: 32, pixels: (0..<64 * 32).map { UInt8($0 % 64) })
        #expect(Array(FrontalCheck.cells(of: small).prefix(4)) == [128, 640, 1152, 1664])
        // Of 32 columns a cell, every second one is read.
        let wide = GreyPicture(width: 1024, height: 32, pixels: (0..<1024 * 32).map { $0 % 2 == 0 ? 10 : 200 })
        #expect(Set(FrontalCheck.cells(of: wide)) == [2560])
    }

    @Test("the exponential is that of the C library to the last few bits")
    func exponential() {
        for value in [0, 1, 2, 3, 100, 2047, 2048, 4097, 30_000, 100_000] {
            let (computed, expected) = (FrontalCheck.exponential(ofMinus: value), exp(-Double(value) / 2048))
            #expect(abs(computed - expected) <= expected * 1e-10)
        }
        #expect(FrontalCheck.exponential(ofMinus: 4_000_000) == 0)
    }

    private struct Expectation: Decodable {
        let file: String
        let cells: [Int32]
        let logits: [Int]
    }

    @Test("cells and logits equal those of the training script's integer network, bit by bit")
    func equalBits() throws {
        let expectations = try Fixtures.json("frontal-check.json", as: [Expectation].self)
        #expect(expectations.count >= 4)
        for expectation in expectations {
            let picture = try Radiograph(imageFile: Fixtures.bytes(expectation.file)).picture
            #expect(FrontalCheck.cells(of: picture) == expectation.cells, "\(expectation.file)")
            #expect(FrontalCheck.logits(of: picture) == expectation.logits, "\(expectation.file)")
        }
    }

    @Test("a verdict is stored by its codes")
    func coding() throws {
        let verdict = FrontalCheck.judge(Self.phantom.inverted)
        let data = try JSONEncoder().encode(verdict)
        #expect(try JSONDecoder().decode(FrontalVerdict.self, from: data) == verdict)
        #expect(String(decoding: data, as: UTF8.self).contains(#""reason":"inverted_picture""#))
    }

    @Test("the gate's rule refuses, flags or does not look")
    func rule() throws {
        func decide(_ picture: GreyPicture, _ rule: FrontalCheckRule) throws -> GateDecision {
            var rules = GateRules()
            rules.frontalCheck = rule
            rules.minimumStoredSide = 1
            return try rules.decide(facts: nil, radiograph: Radiograph(imageFile: picture.pngFile()))
        }
        let fallen = Self.phantom.turned
        let refused = try decide(fallen, .refuse)
        #expect(refused.refusal?.code == "rotated_picture" && refused.flags == ["no_dicom_identity"])
        #expect(refused.inputs["FrontalCheck"] == FrontalCheck.version)
        #expect(refused.inputs["FrontalCheckVerdict"] == "not_frontal")
        #expect(Int(refused.inputs["FrontalCheckMargin"] ?? "") != nil)
        #expect(Double(refused.inputs["FrontalCheckProbability"] ?? "") != nil)
        let flagged = try decide(fallen, .flag)
        #expect(flagged.isAccepted && flagged.flags == ["no_dicom_identity", "rotated_picture"])
        let unseen = try decide(fallen, .off)
        #expect(unseen.isAccepted && unseen.flags == ["no_dicom_identity"] && unseen.inputs["FrontalCheck"] == nil)
        // Polarity is the header's to say.
        let negative = try decide(Self.phantom.inverted, .refuse)
        #expect(negative.isAccepted && negative.flags == ["no_dicom_identity", "inverted_picture"])
        #expect(try decide(Self.phantom, .refuse).flags == ["no_dicom_identity"])
    }

    @Test("what is unclear is flagged where the header names a chest, and refused where it names no part of the body")
    func vouching() throws {
        let unclear = try #require(
            stride(from: 1, to: 0.5, by: -0.01).lazy.map { Self.phantom.part(x: 0..<$0, y: 0..<1) }
                .first { FrontalCheck.judge($0).verdict == .uncertain })
        let radiograph = try Radiograph(imageFile: unclear.pngFile())
        func decide(_ change: (inout GateFacts) -> Void) -> GateDecision {
            var facts = GateFacts()
            facts.modality = "CR"
            change(&facts)
            return GateRules().decide(facts: facts, radiograph: radiograph)
        }
        #expect(decide { _ in }.refusal?.code == "not_frontal_chest")
        for vouched in [decide { $0.bodyPartExamined = "CHEST" }, decide { $0.anatomicRegion = "SCT 51185008" }] {
            #expect(vouched.isAccepted && vouched.flags.contains("not_frontal_chest"))
        }
        #expect(GateRules().decide(facts: nil, radiograph: radiograph).isAccepted)
    }

    @Test("a profile without the rule refuses; the rule is read by its name")
    func decoding() throws {
        func rules(_ text: String) throws -> GateRules {
            try JSONDecoder().decode(GateRules.self, from: Data(text.utf8))
        }
        #expect(try rules("{}").frontalCheck == .refuse)
        #expect(try rules(#"{"frontal_check": "flag"}"#).frontalCheck == .flag)
        #expect(throws: DecodingError.self) { try rules(#"{"frontal_check": "maybe"}"#) }
    }
}
