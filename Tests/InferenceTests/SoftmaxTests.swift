import Foundation
import Inference
import Testing

/// exp as the platform computes it, for comparison.
func exponential(_ x: Double) -> Double { exp(x) }

@Suite struct SoftmaxTests {
    @Test("the ratio of two probabilities is exp of the logits' difference to 5e-16")
    func accuracy() {
        var worst = 0.0
        for i in 0..<200_000 {
            let x = Float(-700.0 * Double(i) / 200_000)
            let p = Softmax.probabilities([0, x])
            worst = max(worst, abs(p[1] / p[0] - exp(Double(x))) / exp(Double(x)))
        }
        #expect(worst < 5e-16)
        #expect(worst > 0, "the engine's exp is its own")
    }

    @Test("probabilities add up to 1, also for logits far apart")
    func sums() {
        #expect(Softmax.probabilities([0, 0]) == [0.5, 0.5])
        #expect(Softmax.probabilities([3e38, -3e38]) == [1, 0])
        let sum = Softmax.probabilities([1.5, -2, 0.25, 9, -30]).reduce(0, +)
        #expect(abs(sum - 1) < 1e-15)
    }
}
