import Foundation
public import Testing

/// One row of the corpus' manifest: a file, and what other decoders read from it.
public struct ManifestRow: CustomTestStringConvertible, Sendable {
    /// The file's name in `data/dicom`.
    public let file: String
    /// All fields by the heading of their column.
    public let columns: [String: String]

    /// The file's name.
    public var testDescription: String { file }
    /// What is expected of a decoder: `decode`, `refuse` and so on.
    public var expected: String { columns["expected"] ?? "" }
    /// SHA-256 of the stored values of the first frame.
    public var digest: String { columns["ref_sha256"] ?? "" }

    /// The file's bytes.
    public func bytes() throws -> [UInt8] { try SharedData.bytes("data/dicom/" + file) }

    /// All rows, none where the corpus is absent.
    public static let all: [ManifestRow] = {
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

    /// Rows with one of the given expectations.
    public static func expected(_ kinds: String...) -> [ManifestRow] { all.filter { kinds.contains($0.expected) } }
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
