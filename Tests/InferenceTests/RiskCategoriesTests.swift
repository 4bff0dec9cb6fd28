import Foundation
import Inference
import TestSupport
import Testing

@Suite struct RiskCategoriesTests {
    @Test("all 15,957 published risks fall into their published category", .needsSharedData)
    func published() throws {
        let description = try ModelPackage.describe(Repository.root.appendingPathComponent("models/cxr-risk-1"))
        let names = ["1": "very low", "2": "low", "3": "moderate", "4": "high", "5": "very high"]
        var count = 0
        for trial in ["PLCO", "NLST"] {
            let text = String(decoding: try SharedData.bytes("data/cxr-risk/\(trial)_probs.csv"), as: UTF8.self)
            for line in text.split(whereSeparator: \.isNewline).dropFirst() {
                let fields = line.split(separator: ",")
                let risk = try #require(Double(fields[1]))
                let category = description.categories.category(of: risk)
                count += 1
                if category.name != names[String(fields[2])] { Issue.record("\(risk) came out as \(category.name)") }
            }
        }
        #expect(count == 15_957)
    }

    @Test("a bound belongs to the category above it")
    func bounds() throws {
        let categories = try RiskCategories([
            .init(name: "low", upperBound: 0.25), .init(name: "high", upperBound: nil),
        ])
        #expect(categories.category(of: 0).name == "low")
        #expect(categories.category(of: 0.25.nextDown).name == "low")
        #expect(categories.category(of: 0.25).name == "high")
        #expect(categories.category(of: 1).name == "high")
    }

    @Test(
        "bounds that don't rise, are missing or too many are refused",
        arguments: [
            [], [0.5], [0.5, 0.4, nil], [0.5, 0.5, nil], [nil, nil], [0, nil], [1.5, nil], [0.2, nil, 0.5],
        ] as [[Double?]])
    func invalid(bounds: [Double?]) {
        #expect(throws: InferenceError.self) {
            try RiskCategories(bounds.enumerated().map { RiskCategory(name: "\($0)", upperBound: $1) })
        }
    }
}
