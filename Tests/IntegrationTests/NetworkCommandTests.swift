import Foundation
import Inference
import TestSupport
import Testing

@Suite("bench model, model predict")
struct NetworkCommandTests {
    @Test("predict gives the golden logits of a package, and of a registered model by name")
    func predict() async throws {
        let longview = try await Installation.ready()
        let package = try ModelPackage.open(Installation.shippedModel)
        let golden = package.description.golden
        let shape = package.description.input
        let values = golden.flatMap { $0.input(shape) }
        let file = longview.path("input.npy")
        try npy(values, [golden.count, shape.channels, shape.height, shape.width]).write(to: URL(fileURLWithPath: file))
        var results: [Tensor] = []
        for model in [Installation.shippedModel.path, "nih-pneumonia"] {
            let output = longview.path("output.npy")
            let run = try await longview.run("model", "predict", model, "--tensor", file, "--output", output)
            #expect(run.status == 0, "\(run.errors)")
            results.append(try NPYFile.read(Data(contentsOf: URL(fileURLWithPath: output)), name: "output.npy"))
        }
        #expect(results[0] == results[1])
        #expect(results[0].shape == [golden.count, 2])
        for (image, vector) in golden.enumerated() {
            for (mine, expected) in zip(results[0][image: image], vector.logits) {
                #expect(abs(Double(mine) - expected) <= vector.tolerance)
            }
        }
    }

    @Test("predict says what is wrong with an array, and gives nothing where the weights were altered")
    func refusals() async throws {
        let longview = try await Installation(privateCluster: true)
        let (file, output) = (longview.path("input.npy"), longview.path("output.npy"))
        try npy([Float](repeating: 0, count: 12), [1, 3, 2, 2]).write(to: URL(fileURLWithPath: file))
        let shape = try await longview.run(
            "model", "predict", Installation.shippedModel.path, "--tensor", file, "--output", output)
        #expect(shape.status == 1)
        #expect(shape.errors.contains("224"))

        let altered = URL(fileURLWithPath: longview.path("altered"), isDirectory: true)
        try FileManager.default.copyItem(at: Installation.shippedModel, to: altered)
        let weights = altered.appendingPathComponent("weights.safetensors")
        var bytes = try Data(contentsOf: weights)
        bytes[bytes.count - 2] ^= 1
        try bytes.write(to: weights)
        try npy([Float](repeating: 0, count: 3 * 224 * 224), [1, 3, 224, 224]).write(to: URL(fileURLWithPath: file))
        let run = try await longview.run("model", "predict", altered.path, "--tensor", file, "--output", output)
        #expect(run.status == 3, "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: output))
    }

    @Test("bench model prints its medians as JSON, and the classes of layers")
    func bench() async throws {
        let longview = try await Installation(privateCluster: true)
        let run = try await longview.run(
            "bench", "model", "--architecture", "inception-v4", "--width", "0.125", "--size", "107", "--batch", "2",
            "--threads", "2", "--iterations", "3", "--json")
        #expect(run.status == 0, "\(run.errors)")
        let result = try #require(try run.objects.first)
        #expect(result["batch"] as? Int == 2 && result["threads"] as? Int == 2 && result["iterations"] as? Int == 3)
        let median = try #require(result["median_ms"] as? Double)
        #expect(try #require(result["min_ms"] as? Double) <= median && median > 0)
        #expect(result["per_image_ms"] as? Double == median / 2)
        #expect(KernelSet(rawValue: result["kernels"] as? String ?? "") != nil)
        #expect(try #require(result["peak_rss_mib"] as? Double) > 1)
        for field in ["model", "cpu"] { #expect((result[field] as? String)?.isEmpty == false) }

        let layers = try await longview.run(
            "bench", "model", "--model", Installation.shippedModel.path, "--iterations", "1", "--layers")
        #expect(layers.status == 0, "\(layers.errors)")
        #expect(layers.output.contains("3×3 at 25×25") && layers.output.contains("average pool"))
    }

    /// A NumPy file with these values, written apart from the program's own writer.
    private func npy(_ values: [Float], _ shape: [Int]) -> Data {
        let header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape.map(String.init).joined(separator: ", "))), }\n"
        var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8))
        values.withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }
}
