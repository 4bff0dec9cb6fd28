/// Rows of text under headings, as columns for people or as CSV (RFC 4180).
struct Table {
    let headings: [String]
    private(set) var rows: [[String]] = []

    init(_ headings: [String]) {
        self.headings = headings
    }

    mutating func add(_ row: [String]) {
        precondition(row.count == headings.count)
        rows.append(row.map(\.printable))
    }

    /// Lines with columns as wide as their widest entry.
    var lines: [String] {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.enumerated().map { index, row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return index == 0 ? Console.bold(line) : line
        }
    }

    /// One line of a table that is printed as its rows come, with columns at least as wide as `widths` says.
    static func line(_ cells: [String], widths: [Int]) -> String {
        var text = zip(cells, widths).map { $0.padding(to: $1) }.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Lines for a spreadsheet.
    var csv: [String] { ([headings] + rows).map(Self.csv) }

    static func csv(_ row: [String]) -> String {
        row.map { cell in
            let text = Self.harmless(cell)
            return text.contains { ",\"\r\n".contains($0) }
                ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }.joined(separator: ",")
    }

    /// A spreadsheet runs a cell that begins like a formula; identifiers come from other people's files.
    private static func harmless(_ cell: String) -> String {
        guard let first = cell.first, "=+-@\t\r".contains(first), Double(cell) == nil else { return cell }
        return "'" + cell
    }
}
