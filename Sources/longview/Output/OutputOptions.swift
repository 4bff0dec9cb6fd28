import ArgumentParser
import Foundation
import Postgres

/// The form of results: `--json`, `--csv`, or a table.
struct OutputOptions: ParsableArguments {
    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Comma-separated values, for a spreadsheet.")
    var csv = false

    @Flag(help: "Show local time; the default is UTC.")
    var local = false

    func validate() throws {
        if json && csv { throw ValidationError("--json and --csv exclude each other") }
    }

    /// A moment for people: RFC 3339, in UTC or local time.
    func time(_ moment: Timestamp) -> String {
        guard local else { return moment.description }
        let seconds = Double(moment.microseconds) / 1e6
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd'T'HH:mm:ssxxx"
        return formatter.string(from: Date(timeIntervalSince1970: seconds))
    }
}

/// One JSON object on one line, keys in order.
enum JSONLine {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
