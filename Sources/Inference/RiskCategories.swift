/// One category of risk: below its upper bound, and not in an earlier category.
public struct RiskCategory: Codable, Sendable, Equatable {
    /// What users read, for instance “very low”; unique within a model.
    public let name: String
    /// Exclusive. The last category has none.
    public let upperBound: Double?

    /// A category; nil for `upperBound` makes it the last.
    public init(name: String, upperBound: Double?) {
        self.name = name
        self.upperBound = upperBound
    }
}

/// A model's categories, lowest risk first: a risk belongs to the first whose upper bound is above it.
public struct RiskCategories: Sendable, Equatable, Codable {
    /// In rising order of their bounds, never empty.
    public let categories: [RiskCategory]

    /// - Throws: `InferenceError` (`invalidDescription`) unless names differ, bounds rise within 0 ... 1, and the last
    ///   category alone has none.
    public init(_ categories: [RiskCategory]) throws(InferenceError) {
        guard let last = categories.last, last.upperBound == nil else {
            throw InferenceError(.invalidDescription, "the last category must have no upper bound")
        }
        var bound = 0.0
        for category in categories.dropLast() {
            guard let next = category.upperBound, next > bound, next <= 1 else {
                throw InferenceError(
                    .invalidDescription,
                    "the upper bound of the category “\(category.name)” must be above the one before it, and at most 1")
            }
            bound = next
        }
        guard Set(categories.map(\.name)).count == categories.count else {
            throw InferenceError(.invalidDescription, "two categories have the same name")
        }
        self.categories = categories
    }

    /// Reads an array of categories and checks it as `init(_:)` does.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([RiskCategory].self))
    }

    /// Writes the bare array that `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(categories)
    }

    /// The category of a risk.
    /// - Parameter risk: 0 ... 1.
    public func category(of risk: Double) -> RiskCategory {
        precondition((0...1).contains(risk), "a risk lies within 0 ... 1")
        return categories.first { $0.upperBound.map { risk < $0 } ?? true }!
    }
}
