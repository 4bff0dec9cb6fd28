/// The views of one radiograph, ready for the network.
public struct NetworkInput: Sendable, Equatable {
    /// The number of views of each radiograph.
    public let viewCount: Int
    /// Channels of a view.
    public let channels: Int
    /// Rows and columns of a view.
    public let size: Int
    /// The normalised values, radiographs × `viewCount` × `channels` × `size` × `size` (NCHW), contiguous.
    public let values: [Float]
    /// The weight of each view's risk in the radiograph's; they add up to 1.
    public let weights: [Double]
}

/// Which views of a radiograph are scored.
public enum ViewSelection: String, Sendable, Codable {
    /// All views of the profile, with its weights.
    case profile
    /// The centre view alone, with weight 1.
    case center
}

extension PreprocessingProfile {
    /// The network input of `picture`: each view sampled in float32, then normalised to three channels.
    ///
    /// A pure function with one rounding an operation and no calls whose result depends on the CPU, so every machine
    /// computes the same bits. Agrees with the published pipeline's PyTorch reference to 2e-5, which itself differs in
    /// the last bits between CPUs.
    public func networkInput(for picture: GreyPicture, views selection: ViewSelection) -> NetworkInput {
        let weights = viewWeights(selection)
        let length = weights.count * mean.count * size * size
        let values = [Float](unsafeUninitializedCapacity: length) { values, count in
            writeNetworkInput(
                for: [picture], views: selection, to: UnsafeMutableBufferPointer(rebasing: values[..<length]))
            count = length
        }
        return NetworkInput(
            viewCount: weights.count, channels: mean.count, size: size, values: values, weights: weights)
    }

    /// The weight of each view's risk in a radiograph's; they add up to 1.
    public func viewWeights(_ selection: ViewSelection) -> [Double] {
        ViewGeometry.views(of: self, selection).map(\.weight)
    }

    /// Writes the network input of several radiographs, one after another; for each the same values as alone.
    ///
    /// - Parameter values: radiographs × views × channels × `size` × `size` (NCHW).
    public func writeNetworkInput(
        for pictures: [GreyPicture], views selection: ViewSelection, to values: UnsafeMutableBufferPointer<Float>
    ) {
        let views = ViewGeometry.views(of: self, selection)
        let plane = size * size
        let viewLength = mean.count * plane
        precondition(values.count == pictures.count * views.count * viewLength, "no room for as many views")
        var start = values.baseAddress!
        for picture in pictures {
            let sampler = ViewSampler(picture, size: size)
            for view in views {
                // The grey channel goes into the last plane, which is normalised last.
                let grey = UnsafeMutableBufferPointer(start: start + (mean.count - 1) * plane, count: plane)
                sampler.sample(view, into: grey)
                for channel in 0..<mean.count {
                    sampler.normalise(
                        grey, mean: mean[channel], deviation: standardDeviation[channel], to: start + channel * plane)
                }
                start += viewLength
            }
        }
    }
}

extension PreprocessingProfile {
    /// How many views of each radiograph are scored.
    public var viewCount: Int { viewWeights(.profile).count }
}

/// One way to look at a picture.
struct ViewGeometry {
    /// How far the view zooms in.
    let scale: Double
    /// The point that stays in place when zooming, 0 … 1 from left to right and from top to bottom.
    let focus: (x: Double, y: Double)
    /// Whether left and right are exchanged.
    let isMirrored: Bool
    /// The weight of the view's risk.
    let weight: Double

    /// The views of `profile`, the centre view first; then the corners upper left, lower left, upper right, lower
    /// right, and the same again mirrored.
    static func views(of profile: PreprocessingProfile, _ selection: ViewSelection) -> [ViewGeometry] {
        let weight = selection == .center ? 1 : profile.centerViewWeight
        var views = [ViewGeometry(scale: 1, focus: (0.5, 0.5), isMirrored: false, weight: weight)]
        guard selection == .profile else { return views }
        for corner in 0..<8 {
            let focus = (x: Double(corner >> 1 & 1), y: Double(corner & 1))
            let weight = (1 - profile.centerViewWeight) / 8
            views.append(
                ViewGeometry(
                    scale: profile.cornerViewScale, focus: focus, isMirrored: corner & 4 != 0, weight: weight))
        }
        return views
    }
}
