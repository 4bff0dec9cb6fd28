/// How modality values become values of interest (PS3.3 C.11.2.1), as applied to one object.
public struct VOITransform: Sendable, Equatable, Codable {
    /// The functions of VOI LUT Function (0028,1056), and the table.
    public enum Kind: String, Sendable, Codable {
        /// Values pass as they are.
        case identity
        /// C.11.2.1.2.1: the default function.
        case linear
        /// C.11.2.1.3.2.
        case linearExact = "linear_exact"
        /// C.11.2.1.3.1.
        case sigmoid
        /// An item of VOI LUT Sequence (C.11.2.1.1).
        case lookupTable = "lookup_table"
    }

    /// The function.
    public let kind: Kind
    /// Window Center and Window Width, of all but `identity` and `lookupTable`.
    public let center, width: Double?
    /// Of `lookupTable`: the modality value that meets the first entry, and the number of entries.
    public let firstMapped, entryCount: Int?

    /// Values pass as they are.
    public static let identity = VOITransform(
        kind: .identity, center: nil, width: nil, firstMapped: nil, entryCount: nil)

    enum CodingKeys: String, CodingKey {
        case kind, center, width
        case firstMapped = "first_mapped"
        case entryCount = "entry_count"
    }
}

/// A transform with its table, if it has one.
struct VOIFunction {
    let transform: VOITransform
    private let table: LookupTable?

    static let identity = VOIFunction(transform: .identity, table: nil)

    private init(transform: VOITransform, table: LookupTable?) {
        self.transform = transform
        self.table = table
    }

    init(_ table: LookupTable) {
        transform = VOITransform(
            kind: .lookupTable, center: nil, width: nil, firstMapped: table.firstMapped,
            entryCount: table.entries.count)
        self.table = table
    }

    /// A window. Throws `ImagingError.Code.invalidVOITransform` for a width that its function does not allow.
    init(_ kind: VOITransform.Kind, center: Double, width: Double) throws(ImagingError) {
        let narrowest = kind == .linear ? 1.0 : Double.leastNormalMagnitude
        guard center.isFinite, abs(center) <= 1e12, width >= narrowest, width <= 1e12 else {
            throw ImagingError(.invalidVOITransform, "the window's width or centre is not one the standard allows")
        }
        transform = VOITransform(kind: kind, center: center, width: width, firstMapped: nil, entryCount: nil)
        table = nil
    }

    /// The value of interest of a modality value: 0…1 of a window, an entry of a table.
    func callAsFunction(_ value: Double) -> Double {
        if let table { return Double(table.entry(for: Int(value.rounded()))) }
        guard let center = transform.center, let width = transform.width else { return value }
        switch transform.kind {
        case .linear:
            if value <= center - 0.5 - (width - 1) / 2 { return 0 }
            if value > center - 0.5 + (width - 1) / 2 { return 1 }
            return (value - (center - 0.5)) / (width - 1) + 0.5
        case .linearExact:
            if value <= center - width / 2 { return 0 }
            if value > center + width / 2 { return 1 }
            return (value - center) / width + 0.5
        case .sigmoid: return 1 / (1 + Self.exponential(-4 * (value - center) / width))
        case .identity, .lookupTable: return value
        }
    }

    /// eˣ by range reduction to |r| ≤ ln 2 / 2 and Taylor's series to the 17th power: below 2⁻⁵⁰ relative, and the same
    /// bits on every machine, which the C library's does not promise.
    private static func exponential(_ x: Double) -> Double {
        guard x < 700 else { return .infinity }
        guard x > -700 else { return 0 }
        // ln 2 in two parts, so that the reduction loses nothing.
        let turns = (x * 1.442_695_040_888_963_4).rounded()
        let rest = (x - turns * 0.693_147_180_369_123_8) - turns * 1.908_214_929_270_587_7e-10
        var series = 1.0
        for power in stride(from: 17.0, to: 0, by: -1) { series = 1 + series * rest / power }
        return Double(sign: .plus, exponent: Int(turns), significand: series)
    }
}
