import Foundation
import TestSupport
import Testing

/// `serve` under traffic as a hospital's network has it at its worst, for as long as `LONGVIEW_SOAK_SECONDS` says.
@Suite("Soak", .serialized)
struct SoakTests {
    /// Twenty seconds in the normal run, ten minutes in the long one.
    private static let seconds =
        ProcessInfo.processInfo.environment["LONGVIEW_SOAK_SECONDS"].flatMap(Double.init)
        ?? Double(Drill.rounds(short: 20, long: 600))

    @Test("good, bad, repeated, slow, half open and malformed traffic: nothing is lost, and nothing grows")
    func mixedTraffic() async throws {
        let soak = try await Soak(seconds: Self.seconds)
        try await soak.run()
        try await soak.finish()
    }
}
