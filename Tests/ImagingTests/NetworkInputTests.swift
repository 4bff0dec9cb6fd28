import Foundation
import TestSupport
import Testing

@testable import Imaging

@Suite("Network inputs")
struct NetworkInputTests {
    struct Views: Decodable {
        let width, height: Int
        let sums: [Double]
        let samples: [[Float]]
    }

    struct Expected: Decodable {
        struct Picture: Decodable {
            let view_weights: [Double]
            let input_sums: [Double]
            let input_samples: [[Float]]
        }
        let pictures: [String: Picture]
    }

    private func check(_ input: NetworkInput, sums: [Double], samples: [[Float]]) {
        let length = input.channels * input.size * input.size
        #expect(input.viewCount == sums.count && input.values.count == sums.count * length)
        var worst: Float = 0
        for view in 0..<input.viewCount {
            let values = input.values[view * length..<(view + 1) * length]
            let count = samples[view].count
            for (i, sample) in samples[view].enumerated() {
                let at = Int(Double(length - 1) * Double(i) / Double(count - 1))
                worst = max(worst, abs(values[values.startIndex + at] - sample))
            }
            let sum = values.reduce(0) { $0 + Double($1) }
            #expect(abs(sum - sums[view]) <= 2e-5 * Double(length) / 10, "view \(view): \(sum) for \(sums[view])")
        }
        #expect(worst <= 2e-5, "worst sample \(worst)")
    }

    @Test("views of any shape of picture equal the PyTorch reference to 2e-5")
    func equalsReference() throws {
        let expected = try Fixtures.json("views.json", as: [String: Views].self)
        #expect(Set(expected.keys) == ["portrait", "landscape", "small", "large"])
        for (_, views) in expected {
            let pixels = (0..<views.width * views.height).map { i in
                let (x, y) = (i % views.width, i / views.width)
                return UInt8((x * 7 + y * 3 + x * y / 11 + (x / 16 + y / 16) % 2 * 40) % 256)
            }
            let picture = GreyPicture(width: views.width, height: views.height, pixels: pixels)
            let input = PreprocessingProfile.cxrRisk.networkInput(for: picture, views: .profile)
            check(input, sums: views.sums, samples: views.samples)
        }
    }

    @Test(
        "inputs of the published pictures equal the reference to 2e-5", .needsSharedData, arguments: ["A.png", "B.png"])
    func publishedPictures(name: String) throws {
        let file = SharedData.url("reference/fixtures/tiny/expected.json")
        let expected = try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file)).pictures[name]!
        let radiograph = try Radiograph(imageFile: SharedData.bytes("data/cxr-risk/\(name)"))
        let input = PreprocessingProfile.cxrRisk.networkInput(for: radiograph.picture, views: .profile)
        #expect(input.weights == expected.view_weights)
        check(input, sums: expected.input_sums, samples: expected.input_samples)
    }

    @Test("the centre view alone is the first of all views, with weight 1")
    func centerAlone() {
        let picture = GreyPicture(width: 90, height: 70, pixels: (0..<6300).map { UInt8($0 % 251) })
        let profile = PreprocessingProfile.cxrRisk
        let all = profile.networkInput(for: picture, views: .profile)
        let center = profile.networkInput(for: picture, views: .center)
        #expect(center.viewCount == 1 && center.weights == [1])
        #expect(all.viewCount == 9 && abs(all.weights.reduce(0, +) - 1) < 1e-15)
        #expect(center.values == Array(all.values.prefix(center.values.count)))
    }

    @Test("the smallest pictures have views of finite values", arguments: [(1, 1), (1, 7), (2, 3), (5, 1)])
    func smallest(width: Int, height: Int) {
        let picture = GreyPicture(width: width, height: height, pixels: (0..<width * height).map { UInt8($0 * 30) })
        let input = PreprocessingProfile.cxrRisk.networkInput(for: picture, views: .profile)
        #expect(input.values.allSatisfy { $0.isFinite })
    }

    @Test("equal pictures give equal bits")
    func deterministic() {
        let picture = GreyPicture(width: 530, height: 512, pixels: (0..<530 * 512).map { UInt8($0 * 31 % 253) })
        let profile = PreprocessingProfile.cxrRisk
        let digest = { (input: NetworkInput) in
            input.values.reduce(UInt64(14_695_981_039_346_656_037)) {
                ($0 ^ UInt64($1.bitPattern)) &* 1_099_511_628_211
            }
        }
        let first = digest(profile.networkInput(for: picture, views: .profile))
        #expect(first == digest(profile.networkInput(for: picture, views: .profile)))
    }
}
