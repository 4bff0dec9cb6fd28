public import Foundation
public import Imaging
public import Inference

/// A model as far as a worker needs it: its package and profile to decode and render by; its network where it scores.
public struct WorkerModel: Sendable {
    /// Description, weights and digest, as verified.
    public let package: ModelPackage
    /// How pictures are prepared for the network.
    public let profile: PreprocessingProfile
    /// Nil where nothing is scored.
    public let scoring: ScoringModel?

    /// A model that scores.
    public init(_ model: ScoringModel) {
        package = model.package
        profile = model.profile
        scoring = model
    }

    /// The package in `folder`, verified, without its network. Blocks.
    ///
    /// - Throws: `InferenceError` where the package is incomplete or altered; `ImagingError` where its profile is not one
    ///   this program knows.
    public init(renderingFor folder: URL) throws {
        package = try ModelPackage.open(folder)
        profile = try ProfilePart.profile(of: package)
        scoring = nil
    }
}
