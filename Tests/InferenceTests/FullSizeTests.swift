import Foundation
import Inference
import TestSupport
import Testing

/// The published network's size, beside PyTorch.
@Suite struct FullSizeTests {
    /// What PyTorch makes of two pictures with a seeded network, written by `reference`.
    private struct Expected: Decodable {
        var float32: [[Double]]
        var float64: [[Double]]
    }

    private static let reference = """
        import json, sys
        import numpy as np, torch
        from safetensors.torch import save_file
        folder, code = sys.argv[1:]
        sys.path.insert(0, code)
        import inception_v4
        torch.manual_seed(1)
        grain = torch.randn(6, 1, 28, 28)
        x = torch.nn.functional.interpolate(grain, size=(224, 224), mode="bilinear").expand(6, 3, 224, 224).contiguous()
        net = inception_v4.randomised(1.0, 0, 512, calibrate_on=x)
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, folder + "/weights.safetensors")
        np.save(folder + "/input.npy", x[:2].numpy())
        with torch.inference_mode():
            float32 = net(x[:2]).tolist()
            float64 = net.double()(x[:2].double()).tolist()
        json.dump({"float32": float32, "float64": float64}, open(folder + "/expected.json", "w"))
        """

    private static let pyTorch =
        Drill.isLong ? PythonPackages.interpreter(importing: "numpy", "torch", "safetensors") : nil

    @Test(
        "logits are as near to float64 as PyTorch's float32, of equal bits for every kernel set and batch",
        .needsSharedData, .enabled(if: Drill.isLong, "a slow drill: scripts/test --long"),
        .enabled(
            if: !Drill.isLong || pyTorch != nil,
            "needs Python with numpy, torch and safetensors (LONGVIEW_PYTHON names it)"
        ))
    func parity() throws {
        let folder = try TemporaryFolder()
        let status = try #require(Self.pyTorch).run(
            ["-c", Self.reference, folder.url.path, SharedData.url("reference").path]
        ).status
        try #require(status == 0, "the reference script failed")
        let expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: folder.url.appendingPathComponent("expected.json")))
        let input = try NPYFile.read(
            Data(contentsOf: folder.url.appendingPathComponent("input.npy")), name: "input.npy")
        let weights = try SafetensorsFile(url: folder.url.appendingPathComponent("weights.safetensors"))
        let graph = InceptionV4.cxrRisk(width: 1, hidden: 512, classes: 2)
        func error(_ logits: [Double]) -> Double {
            zip(logits, expected.float64.joined()).map { abs($0 - $1) }.max()!
        }
        let pyTorch = error(Array(expected.float32.joined()))
        var first: [UInt32]?
        for set in KernelSet.supported {
            for batch in set == .portable ? [1] : [1, 2] {
                let network = try Network(graph: graph, weights: weights, options: .init(threads: 2, kernels: set))
                let values = Array(input.values.prefix(batch * input.values.count / 2))
                let result = try network.run(values, batch: batch)
                if batch == 2 {
                    let mine = error(result.values.map(Double.init))
                    print("full size: largest error of a logit \(mine), PyTorch's own \(pyTorch)")
                    // Random weights amplify rounding: a wrong layer would show as an error near 1.
                    #expect(mine < 20 * pyTorch && mine < 0.1)
                }
                let same = result.bits.prefix(2) == (first ?? result.bits).prefix(2)
                #expect(same, "\(set), batch \(batch)")
                first = result.bits
            }
        }
    }
}
