import DICOM
import Foundation
import TestSupport
import Testing

/// A small radiograph in a file, as some sender has it.
struct TestRadiograph: Sendable {
    let path: String
    let sopInstanceUID: String
    let encoding: Encoding

    /// The transfer syntaxes that DCMTK can make and storescu propose.
    enum Encoding: CaseIterable {
        case plain, losslessJPEG, losslessJPEGLS, rle

        /// What makes it of a plain file.
        var tool: (name: String, options: [String])? {
            switch self {
            case .plain: nil
            case .losslessJPEG: ("dcmcjpeg", ["+e1"])
            case .losslessJPEGLS: ("dcmcjpls", ["+el"])
            case .rle: ("dcmcrle", [])
            }
        }

        var transferSyntaxUID: String {
            switch self {
            case .plain: "1.2.840.10008.1.2.1"
            case .losslessJPEG: "1.2.840.10008.1.2.4.70"
            case .losslessJPEGLS: "1.2.840.10008.1.2.4.80"
            case .rle: "1.2.840.10008.1.2.5"
            }
        }

        var storescuOption: String {
            switch self {
            case .plain: "-x="
            case .losslessJPEG: "-xs"
            case .losslessJPEGLS: "-xt"
            case .rle: "-xr"
            }
        }
    }

    /// Writes the radiograph with a `number` of its own, of the patient `patient`.
    init(_ number: Int, of patient: String, _ encoding: Encoding, in longview: Installation) throws {
        var builder = try SmallRadiograph.builder(number)
        try builder.set(.patientID, patient)
        let plain = try longview.write("in/\(number).dcm", try builder.file())
        if let tool = encoding.tool {
            path = longview.path("in/\(number)-\(tool.name).dcm")
            let run = try ExternalProgram(path: "/usr/bin/" + tool.name).run(tool.options + [plain, path])
            try #require(run.status == 0, "\(run.output)")
        } else {
            path = plain
        }
        let object = try DICOMObject(bytes: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        #expect(object.transferSyntaxUID == encoding.transferSyntaxUID)
        sopInstanceUID = try #require(object.dataset.string(.sopInstanceUID))
        self.encoding = encoding
    }
}
