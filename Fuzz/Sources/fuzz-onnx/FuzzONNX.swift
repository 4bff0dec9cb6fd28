import FoundationEssentials
import Inference

/// What libFuzzer calls with each input: the ONNX importer, and the kernels for graphs small enough to be run.
///
/// The reader takes a file, so each input becomes one, in memory. A file that is read or refused is as it should be.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzONNX(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // Foundation leaks a page when it reads an empty file, which would end the run.
    guard count > 0 else { return 0 }
    let file = URL(filePath: "/dev/shm/longview-fuzz-onnx-\(ProcessInfo.processInfo.processIdentifier)")
    do { try Data(UnsafeBufferPointer(start: start, count: count)).write(to: file) } catch { return 0 }
    // Extents that a file leaves open are the description's.
    for input in [nil, FeatureShape(channels: 3, height: 20, width: 24)] {
        guard var model = try? ONNXModel(url: file, input: input) else { continue }
        try? run(model)
        model.dropFinalSoftmax()
        _ = try? model.graph.shapes()
    }
    return 0
}

private func run(_ model: ONNXModel) throws {
    let (graph, shapes) = (model.graph, try model.graph.shapes())
    guard Work(graph, shapes).isSmall else { return }
    let network = try Network(graph: graph, weights: try model.weights(), options: .init(threads: 1))
    let count = graph.input.channels * graph.input.height * graph.input.width
    _ = try network.run((0..<2 * count).map { Float($0 % 7) - 3 }, batch: 2)
}

/// What a graph would take to run.
private struct Work {
    var weights = 0.0
    var values = 0.0
    var taps = 0.0

    init(_ graph: NetworkGraph, _ shapes: [String: ValueShape]) {
        values = Self.count(.map(graph.input))
        for node in graph.nodes {
            guard let input = shapes[node.inputs[0]], let result = shapes[node.name] else { continue }
            let outputs = Self.count(result)
            values += outputs
            switch (node.operation, input) {
            case (.convolution(let count, let window, _, _), .map(let map)):
                add(Double(count * map.channels), window, outputs * Double(map.channels))
            case (.groupedConvolution(let count, let groups, let window, _, _), .map(let map)):
                add(Double(count * map.channels / groups), window, outputs * Double(map.channels / groups))
            case (.maxPool(let window), _), (.averagePool(let window, _), _): add(0, window, outputs)
            case (.linear(let count, _, _), _):
                weights += Double(count) * Self.count(input)
                taps += Double(count) * Self.count(input)
            case (.responseNorm(let norm), _): taps += outputs * Double(norm.size)
            default: continue
            }
        }
    }

    private mutating func add(_ matrix: Double, _ window: NetworkGraph.Window, _ outputs: Double) {
        let kernel = Double(window.kernel.height * window.kernel.width)
        weights += matrix * kernel
        taps += outputs * kernel
    }

    private static func count(_ shape: ValueShape) -> Double {
        switch shape {
        case .map(let map): Double(map.channels) * Double(map.height) * Double(map.width)
        case .vector(let count): Double(count)
        }
    }

    var isSmall: Bool { weights < 1e5 && values < 1e5 && taps < 1e6 }
}
