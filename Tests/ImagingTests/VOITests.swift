import DICOM
import Foundation
import TestSupport
import Testing

@testable import Imaging

/// Windows and tables of PS3.3 C.11.2.
@Suite("VOI")
struct VOITests {
    @Test("LINEAR has the values of the standard's formula (C.11.2.1.2.1)")
    func linear() throws {
        let window = try VOIFunction(.linear, center: 2048, width: 4096)
        // The standard's note: with these, 0 is the lowest output and 4095 the highest.
        #expect(window(0) == 0 && window(-1) == 0)
        #expect(window(4095) == 1 && window(4096) == 1)
        #expect(abs(window(2047.5) - 0.5) < 1e-15)
        // A width of 1 is a threshold: for c = 0 all input values of less than zero are lowest, others highest.
        let threshold = try VOIFunction(.linear, center: 0, width: 1)
        #expect(threshold(-1) == 0 && threshold(0) == 1)
        let hundred = try VOIFunction(.linear, center: 0, width: 100)
        #expect(hundred(-50) == 0 && hundred(49) == 1)
        #expect(abs(hundred(0) - (0.5 / 99 + 0.5)) < 1e-15)
    }

    @Test("LINEAR_EXACT and SIGMOID have theirs (C.11.2.1.3)")
    func others() throws {
        let exact = try VOIFunction(.linearExact, center: 2048, width: 4096)
        #expect(exact(0) == 0 && exact(4096) == 1 && exact(2048) == 0.5)
        #expect(abs(exact(1024) - 0.25) < 1e-15)
        let sigmoid = try VOIFunction(.sigmoid, center: 100, width: 40)
        #expect(sigmoid(100) == 0.5)
        for value in stride(from: -1000.0, to: 1200, by: 7.3) {
            #expect(abs(sigmoid(value) - 1 / (1 + exp(-4 * (value - 100) / 40))) < 1e-14)
        }
        #expect(sigmoid(1e12) == 1 && sigmoid(-1e12) == 0)
    }

    @Test("widths that the standard does not allow are refused")
    func widths() {
        for (kind, width) in [
            (VOITransform.Kind.linear, 0.5), (.linear, 0), (.linearExact, 0), (.sigmoid, -1), (.linear, .nan),
        ] {
            #expect(errorCode { try VOIFunction(kind, center: 1, width: width) } == .invalidVOITransform)
        }
    }

    private func object(_ change: (inout DICOMBuilder) throws -> Void) throws -> DICOMObject {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 5, index: 1))
        try builder.set(.modality, "CR")
        // A ramp of 0…4095, 64 × 64.
        try builder.setPixels((0..<4096).map { UInt16($0) }, rows: 64, columns: 64, bitsStored: 12)
        try change(&builder)
        return try DICOMObject(bytes: try builder.file())
    }

    private func render(_ voi: VOISelection, _ object: DICOMObject) throws -> Radiograph {
        try Radiograph(try object.storedPixels(), of: object.dataset, profile: .cxrRisk(voi: voi))
    }

    @Test("a profile takes the first window, a named one, a table, or none")
    func selection() throws {
        var item = DICOMBuilder()
        try item.set(.lutDescriptor, integers: [4096, 0, 8])
        try item.set(.lutExplanation, "INVERTED")
        try item.set(
            .lutData, integers: (0..<4096).map { 255 - $0 / 16 }, valueRepresentation: "US")
        let object = try object {
            try $0.set(.windowCenter, "1000", "3000")
            try $0.set(.windowWidth, "200", "400")
            try $0.set(.windowCenterWidthExplanation, "LUNG", "Soft tissue")
            $0.set(.voiLUTSequence, items: [item])
        }
        #expect(try render(.none, object).provenance.voiTransform == .identity)
        let first = try render(.firstWindow, object)
        #expect(first.provenance.voiTransform.kind == .linear)
        #expect(first.provenance.voiTransform.center == 1000 && first.provenance.voiTransform.width == 200)
        let named = try render(.named(" soft  TISSUE "), object).provenance.voiTransform
        #expect(named.center == 3000 && named.width == 400)
        let table = try render(.firstLUT, object)
        #expect(table.provenance.voiTransform.kind == .lookupTable)
        #expect(table.provenance.voiTransform.entryCount == 4096)
        // The table turns the ramp round: what was black is white.
        #expect(table.picture.pixels.first == 255 && table.picture.pixels.last == 0)
        #expect(try render(.named("INVERTED"), object).picture == table.picture)
        #expect(try render(.named("BONE"), object).flags.contains("voi_absent"))
    }

    @Test("the function that the object names is applied, after the rescale")
    func function() throws {
        let object = try object {
            try $0.set(.rescaleSlope, "2")
            try $0.set(.rescaleIntercept, "-1000")
            try $0.set(.windowCenter, "500")
            try $0.set(.windowWidth, "800")
            try $0.set(.voiLUTFunction, "SIGMOID")
        }
        let radiograph = try render(.firstWindow, object)
        #expect(radiograph.provenance.voiTransform.kind == .sigmoid)
        #expect(radiograph.provenance.modalityTransform == .rescale(slope: 2, intercept: -1000))
        // Stored 0 is −1000: 1 / (1 + e^7.5).
        #expect(abs(radiograph.provenance.level.low - 1 / (1 + exp(7.5))) < 1e-12)
        let unknown = try self.object {
            try $0.set(.windowCenter, "5")
            try $0.set(.windowWidth, "8")
            try $0.set(.voiLUTFunction, "CUBIC")
        }
        #expect(errorCode { try render(.firstWindow, unknown) } == .invalidVOITransform)
    }

    @Test("where the object has none, none is applied, and that is flagged")
    func absent() throws {
        let plain = try object { _ in }
        let radiograph = try render(.firstWindow, plain)
        #expect(radiograph.flags == ["voi_absent"])
        #expect(try render(.none, plain).picture == radiograph.picture)
    }

    @Test("selections read and write as JSON")
    func json() throws {
        for (text, selection) in [
            ("\"none\"", VOISelection.none), ("\"first_window\"", .firstWindow), ("\"first_lut\"", .firstLUT),
            ("{\"named\":\"LUNG\"}", .named("LUNG")),
        ] {
            #expect(try JSONDecoder().decode(VOISelection.self, from: Data(text.utf8)) == selection)
            #expect(String(decoding: try JSONEncoder().encode(selection), as: UTF8.self) == text)
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(VOISelection.self, from: Data("\"widest\"".utf8))
        }
    }

    @Test(
        "windows of real objects give the picture that DCMTK gives, to a grey level", .needsSharedData,
        arguments: ["CR-MONO1-10-chest", "MR_small_implicit", "CT_small"])
    func dcmtk(name: String) throws {
        let bytes = try SharedData.bytes("data/dicom/\(name).dcm")
        let object = try DICOMObject(bytes: bytes)
        guard let center = try object.dataset.decimal(.windowCenter),
            let width = try object.dataset.decimal(.windowWidth)
        else { return }
        let file = SharedData.url("data/dicom/\(name).dcm").path
        // Our window over the stored values beside dcm2pnm's: 8-bit PGM, no trim, level or resize in either.
        let pixels = try object.storedPixels()
        let slope = try object.dataset.decimal(.rescaleSlope) ?? 1
        let intercept = try object.dataset.decimal(.rescaleIntercept) ?? 0
        let window = try VOIFunction(.linear, center: center, width: width)
        let inverted = pixels.photometricInterpretation == "MONOCHROME1"
        let values: [Double] =
            switch pixels.samples {
            case .unsigned(let samples): samples.map(Double.init)
            case .signed(let samples): samples.map(Double.init)
            case .wide(let samples): samples.map(Double.init)
            }
        let mine = values.map { value in
            let shown = window(value * slope + intercept)
            return (inverted ? 1 - shown : shown) * 255
        }
        let pgm = FileManager.default.temporaryDirectory.appendingPathComponent("voi-\(UUID().uuidString).pgm")
        defer { try? FileManager.default.removeItem(at: pgm) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/dcm2pnm")
        process.arguments = ["-q", "+op", "+Ww", "\(center)", "\(width)", file, pgm.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let theirs = [UInt8](try Data(contentsOf: pgm)).suffix(values.count)
        let worst = zip(mine, theirs).map { abs($0 - Double($1)) }.max() ?? 255
        #expect(worst <= 1.01)
    }
}
