import Foundation
import Inference
import Scoring
import Service

/// What a network takes by itself for radiographs, in the batches that the worker forms when enough are ready.
struct NetworkTime {
    private let network: Network
    /// Radiographs of one run.
    let batch: Int
    /// Views of each radiograph.
    let views: Int

    init(_ model: ScoringModel) {
        network = model.network
        batch = WorkerSettings(longviewVersion: Program.version, host: Program.host, process: getpid()).largestBatch
        views = model.profile.viewCount
    }

    /// Milliseconds for `count` radiographs, and what they have of all processors. Blocks.
    func measure(_ count: Int) throws -> (wall: Double, processor: Double) {
        var sum = (wall: 0.0, processor: 0.0)
        for start in stride(from: 0, to: count, by: batch) {
            let pictures = min(batch, count - start) * views
            let input = Self.input(network.graph.input, pictures)
            let before = Machine.processorMilliseconds
            let began = ContinuousClock.now
            _ = try network.run(input, batch: pictures)
            sum.wall += (ContinuousClock.now - began) / .milliseconds(1)
            sum.processor += Machine.processorMilliseconds - before
        }
        return sum
    }

    /// In the range of normalised pictures; the time does not depend on the values.
    static func input(_ shape: FeatureShape, _ batch: Int) -> [Float] {
        (0..<batch * shape.channels * shape.height * shape.width).map {
            Float(($0 &* 2_654_435_761) >> 8 & 1023) / 256 - 2
        }
    }
}
