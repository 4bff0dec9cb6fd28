import Foundation
import Inference

/// The package that a measurement scores with, where it is not one that is there.
enum BenchPackage {
    /// Inception-v4 in full size with the CXR-Risk head and seeded random weights, in everything else as `package`
    /// describes itself. Made in `folder`. Blocks.
    static func fullSize(like package: URL, in folder: URL, _ options: ExecutionOptions) throws -> URL {
        let network = ModelDescription.NetworkReference.cxrRisk(width: 1, hidden: 512, classes: 2)
        let described = try Data(contentsOf: package.appendingPathComponent(ModelPackage.descriptionFile))
        guard var fields = try JSONSerialization.jsonObject(with: described) as? [String: Any] else {
            throw Failure("\(package.path): the description is no JSON object")
        }
        fields["network"] = try JSONSerialization.jsonObject(with: JSONEncoder().encode(network))
        let weights = folder.appendingPathComponent("seeded.safetensors")
        try SafetensorsFile.writeSeeded(
            for: InceptionV4.cxrRisk(width: 1, hidden: 512, classes: 2), seed: 1, to: weights)
        defer { try? FileManager.default.removeItem(at: weights) }
        let made = folder.appendingPathComponent("package", isDirectory: true)
        try ModelPackager.package(
            weights, description: try JSONSerialization.data(withJSONObject: fields),
            changes: ["name": "inception-v4", "version": "seed-1"], into: made, options: options)
        return made
    }
}
