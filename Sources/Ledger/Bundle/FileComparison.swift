/// Compares a file with bytes that come piece by piece.
final class FileComparison {
    let path: String
    private var reader: BundleFileReader?
    private var isOpened = false
    private var rest: ArraySlice<UInt8> = []
    private var expected: [UInt8] = []

    /// The file at `fullPath`; one that is not there is empty.
    init(_ fullPath: String) {
        path = fullPath
    }

    /// The bytes that should follow.
    func expect(_ bytes: [UInt8]) {
        expected += bytes
    }

    /// Whether the file has what was expected since the last time.
    var isEqual: Bool {
        get throws {
            var wanted = expected[...]
            while !wanted.isEmpty {
                guard try fill() else { return false }
                let count = min(wanted.count, rest.count)
                guard wanted.prefix(count).elementsEqual(rest.prefix(count)) else { return false }
                wanted = wanted.dropFirst(count)
                rest = rest.dropFirst(count)
            }
            expected.removeAll(keepingCapacity: true)
            return true
        }
    }

    /// Whether nothing follows in the file.
    var isAtEnd: Bool {
        get throws { try !fill() }
    }

    /// Reads on where all was compared; false at the end.
    private func fill() throws -> Bool {
        if !rest.isEmpty { return true }
        if !isOpened { reader = try BundleFileReader(path) }
        isOpened = true
        rest = try reader?.next() ?? []
        return !rest.isEmpty
    }
}
