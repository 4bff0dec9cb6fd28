import Decoding
public import Foundation
public import Imaging
public import Inference
public import Store

/// A model ready to score: its verified package, its compiled network and its preprocessing profile.
///
/// Loading computes the package's golden vectors; a model that doesn't reproduce them is never used.
public final class ScoringModel: Sendable {
    /// Description, weights and digest, as verified.
    public let package: ModelPackage
    /// How pictures are prepared for the network.
    public let profile: PreprocessingProfile
    /// Compiled; it reproduced the golden vectors.
    public let network: Network

    /// Opens, verifies and compiles the package in `folder`. Blocks.
    ///
    /// - Throws: `InferenceError` where the package is incomplete, altered or doesn't reproduce its golden vectors;
    ///   `ImagingError` where its profile is not one this program knows.
    public init(folder: URL, options: ExecutionOptions) throws {
        package = try ModelPackage.open(folder)
        profile = try ProfilePart.profile(of: package)
        network = try package.makeNetwork(options: options)
        try package.verifyGolden(network)
    }

    /// As ``init(folder:options:)``, without blocking the caller's thread.
    public static func load(_ folder: URL, options: ExecutionOptions) async throws -> ScoringModel {
        try await ComputeQueue("load", concurrent: false).run { try ScoringModel(folder: folder, options: options) }
    }

    /// The score of a rendered radiograph. Blocks; the same bits on every CPU and for any number of threads.
    public func score(_ picture: GreyPicture, views: InferenceRecord.Views) throws -> RiskScore {
        try score([picture], views: views)[0]
    }

    /// The scores of several radiographs, in one run of the network: the same bits as one by one. Blocks.
    public func score(_ pictures: [GreyPicture], views: InferenceRecord.Views) throws -> [RiskScore] {
        let selection: ViewSelection = views == .center ? .center : .profile
        let weights = profile.viewWeights(selection)
        let logits = try network.run(batch: pictures.count * weights.count) { input in
            profile.writeNetworkInput(for: pictures, views: selection, to: input)
        }
        let length = logits.values.count / pictures.count
        return pictures.indices.map { index in
            RiskScore(
                logits: Array(logits.values[index * length..<(index + 1) * length]), weights: weights,
                model: package.description)
        }
    }
}

/// The part of `model.json` that tells how pictures are prepared.
struct ProfilePart: Decodable {
    private let profile: PreprocessingProfile

    static func profile(of package: ModelPackage) throws -> PreprocessingProfile {
        try JSONDecoder().decode(Self.self, from: package.descriptionBytes).profile
    }
}
