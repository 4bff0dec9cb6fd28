import DICOM
import Foundation
import TestSupport
import Testing

@testable import Imaging

/// Error rates on radiographs that took no part in training or in the choice of thresholds: fold 0 of the NIH part, and
/// the whole COVID-19 part. docs/gate.md quotes what the long form prints.
@Suite("Frontal check on the corpora", .needsSharedData)
struct FrontalCheckCorpusTests {
    /// Verdicts on one kind of picture.
    struct Tally {
        var frontal = 0, uncertain = 0, refused = 0, named = 0

        mutating func count(_ verdict: FrontalVerdict, expected: FrontalVerdict.Reason?) {
            switch verdict.verdict {
            case .frontal: frontal += 1
            case .uncertain: uncertain += 1
            case .notFrontal: refused += 1
            }
            if verdict.reason == expected { named += 1 }
        }

        var total: Int { frontal + uncertain + refused }

        /// The 95 % interval of a share (Wilson, JASA 1927), in per cent.
        static func interval(_ count: Int, of total: Int) -> String {
            let (n, z) = (Double(total), 1.959964)
            let share = Double(count) / n
            let middle = share + z * z / (2 * n)
            let reach = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
            func bound(_ sign: Double) -> String {
                String(format: "%.1f", max(0, 100 * (middle + sign * reach) / (1 + z * z / n)))
            }
            return "\(bound(-1))–\(bound(1))"
        }

        func line(_ name: String) -> String {
            "| \(name) | \(total) | \(frontal) (\(Self.interval(frontal, of: total))) | \(uncertain) | "
                + "\(refused) (\(Self.interval(refused, of: total))) | \(named) |"
        }
    }

    private static let transforms:
        [(name: String, reason: FrontalVerdict.Reason?, apply: @Sendable (GreyPicture) -> GreyPicture)] = [
            ("upright", nil, { $0 }),
            ("mirrored", nil, { $0.mirrored }),
            ("upside down (180°)", .upsideDown, { $0.turned.turned }),
            ("upside down (mirrored top to bottom)", .upsideDown, { $0.turned.turned.mirrored }),
            ("rotated 90°", .rotated, { $0.turned }),
            ("rotated 270°", .rotated, { $0.turned.turned.turned }),
            ("inverted", .inverted, { $0.inverted }),
            ("left half", .notFrontalChest, { $0.part(x: 0..<0.5, y: 0..<1) }),
            ("right half", .notFrontalChest, { $0.part(x: 0.5..<1, y: 0..<1) }),
            ("lowest third", .notFrontalChest, { $0.part(x: 0..<1, y: 0.667..<1) }),
            ("middle ninth", .notFrontalChest, { $0.part(x: 0.333..<0.667, y: 0.333..<0.667) }),
        ]

    private func pictures(_ source: String, folds: Set<String>) throws -> [GreyPicture] {
        let manifest = try String(contentsOf: SharedData.url("data/radiographs/manifest.csv"), encoding: .utf8)
        let rows = manifest.split(whereSeparator: \.isNewline).dropFirst().map { $0.split(separator: ",") }
        let files = rows.filter { $0[4].hasPrefix(source) && folds.contains(String($0[3])) }.map { String($0[0]) }
        let chosen = Drill.isLong ? files : files.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
        return try chosen.map { try Radiograph(imageFile: SharedData.bytes("data/radiographs/images/\($0)")).picture }
    }

    @Test(
        "held-out radiographs are accepted, turned, inverted and partial ones noticed",
        arguments: [("NIH", Set(["0"])), ("COVID-19", Set(["0", "1", "2", "3"]))])
    func radiographs(source: String, folds: Set<String>) throws {
        let upright = try pictures(source, folds: folds)
        #expect(upright.count > 15)
        for (name, reason, apply) in Self.transforms {
            var tally = Tally()
            for picture in upright { tally.count(FrontalCheck.judge(apply(picture)), expected: reason) }
            print(tally.line("\(source), \(name)"))
            let allowed = { (share: Double) in Int((share * Double(tally.total)).rounded(.up)) }
            if reason == nil {
                #expect(tally.refused == 0, "\(source), \(name): refused")
                #expect(tally.uncertain <= allowed(source == "NIH" ? 0.02 : 0.08), "\(source), \(name): flagged")
            } else {
                #expect(tally.frontal <= allowed(0.05), "\(source), \(name): taken for frontal")
                #expect(tally.named >= tally.total - allowed(0.12), "\(source), \(name): named otherwise")
            }
        }
    }

    private func render(_ name: String) throws -> GreyPicture {
        let object = try DICOMObject(bytes: SharedData.bytes("data/dicom/\(name).dcm"))
        return try Radiograph(object.storedPixels(frame: 0), of: object.dataset, profile: .cxrRisk).picture
    }

    @Test(
        "chest radiographs in DICOM are accepted",
        arguments: ["CR-MONO1-10-chest", "CXR_SIIM_jpeg", "RG1_UNCR", "RG1_J2KI"])
    func chests(name: String) throws {
        let verdict = FrontalCheck.judge(try render(name))
        #expect(verdict.verdict == .frontal, "\(verdict)")
    }

    @Test("a chest that its header shows as a negative is noticed")
    func negative() throws {
        #expect(FrontalCheck.judge(try render("CXR_SIIM_jpeg_MONOCHROME1")).reason == .inverted)
    }

    @Test("other objects are not taken for chests without their header")
    func others() throws {
        let names = [
            "CR-ModalitySequenceLUT", "CR_cspine_16x16", "CT1_RLE_FRAGS", "CT_JPEGExtended_fragments_noBOT",
            "CT_deflated", "CT_small", "DX_dog_thorax", "J2K_pixelrep_mismatch", "JPEGExtended_12bit",
            "JPEGLosslessSV1_8bit", "MG_GH133", "MG_OutOfBoundsOverlay", "MR-SIEMENS-overlays", "MR_16alloc_8stored",
            "MR_small_implicit", "RG3_UNCR", "XA_HasFragmentSequence", "bad_sequence", "emri_small_big_endian",
            "explicit_VR-UN", "image_deflated_512", "mlut_18", "vlut_04", "ovly_p01", "chrArab", "liver_1bit",
        ]
        var tally = Tally()
        for name in names {
            let verdict = FrontalCheck.judge(try render(name))
            tally.count(verdict, expected: .notFrontalChest)
            print("\(name): \(verdict.verdict.rawValue), margin \(verdict.margin), \(verdict.reason?.rawValue ?? "")")
            if name == "RG3_UNCR" { #expect(verdict.verdict == .notFrontal) }
        }
        print(tally.line("DICOM, no chest"))
        #expect(tally.frontal == 0)
    }
}
