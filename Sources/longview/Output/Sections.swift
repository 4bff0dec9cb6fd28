/// Labelled values under headings, for people.
struct Sections {
    private(set) var lines: [String] = []

    mutating func section(_ title: String) {
        if !lines.isEmpty { lines.append("") }
        lines.append(Console.bold(title))
    }

    /// One labelled value; nothing where it is absent.
    mutating func add(_ label: String, _ value: String?) {
        guard let value else { return }
        lines.append("  " + label.padding(to: 16) + " " + value.printable)
    }
}
