import Crypto
import DICOM
import Foundation
import TestSupport
import Testing

/// One row of the corpus' manifest: a file, and what other decoders read from it.
struct ManifestRow: CustomTestStringConvertible, Sendable {
    let file: String
    let columns: [String: String]

    var testDescription: String { file }
    var expected: String { columns["expected"] ?? "" }
    var digest: String { columns["ref_sha256"] ?? "" }

    func bytes() throws -> [UInt8] { try SharedData.bytes("data/dicom/" + file) }

    /// All rows, none where the corpus is absent.
    static let all: [ManifestRow] = {
        guard let text = try? String(contentsOf: SharedData.url("data/dicom/manifest.csv"), encoding: .utf8) else {
            return []
        }
        let lines = text.split(whereSeparator: \.isNewline).map { CommaSeparated.fields(of: $0) }
        guard let names = lines.first else { return [] }
        return lines.dropFirst().map { fields in
            let columns = Dictionary(zip(names, fields), uniquingKeysWith: { first, _ in first })
            return ManifestRow(file: columns["file"] ?? "", columns: columns)
        }
    }()

    static func expected(_ kinds: String...) -> [ManifestRow] { all.filter { kinds.contains($0.expected) } }
}

/// Fields of a line of a CSV file (RFC 4180), of which no field holds a line break.
enum CommaSeparated {
    static func fields(of line: Substring) -> [String] {
        var fields = [""]
        var isQuoted = false
        for character in line {
            if character == "\"" {
                isQuoted.toggle()
            } else if character == ",", !isQuoted {
                fields.append("")
            } else {
                fields[fields.count - 1].append(character)
            }
        }
        return fields
    }
}

extension StoredPixels {
    /// SHA-256 over the values as little-endian 32-bit integers, in hexadecimal.
    var digest: String {
        var hash = SHA256()
        withLittleEndianInt32Chunks { hash.update(bufferPointer: $0) }
        return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
