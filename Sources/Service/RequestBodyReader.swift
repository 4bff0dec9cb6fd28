import Hummingbird
import Synchronization

/// Takes the body of a STOW-RS request apart while it comes, for as long as it comes quickly enough.
struct RequestBodyReader: Sendable {
    /// How a body ended.
    enum Ending: Sendable {
        case complete
        case malformed(String)
        case tooLarge(String)
        /// Less came than the least rate.
        case tooSlow
        /// The connection or its framing broke.
        case brokenOff(any Error)
    }

    let limits: MultipartParser.Limits
    /// Seconds of waiting for the client that the rate is not looked at.
    let grace: Duration
    /// Bytes a second on the whole after that. Only the time this waits for the client counts, not what it takes to
    /// store what has come.
    let minimumRate: Int

    /// Hands what `body` holds to `reception`, which is returned as it then stands.
    func read(_ body: RequestBody, boundary parser: MultipartParser, into reception: StoreReception) async -> (
        StoreReception, Ending
    ) {
        let pace = Pace()
        return await withTaskGroup(of: (StoreReception, Ending)?.self) { group in
            group.addTask { await take(body, parser, reception, pace) }
            group.addTask {
                while !Task.isCancelled, !pace.isBelow(minimumRate, after: grace) {
                    try? await Task.sleep(for: min(grace / 4, .seconds(1)))
                }
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            if let first { return first }
            // Cancelled, the reading ends at once.
            guard let (reception, _) = await group.next() ?? nil else { return (reception, .tooSlow) }
            return (reception, .tooSlow)
        }
    }

    private func take(
        _ body: RequestBody, _ parser: MultipartParser, _ reception: StoreReception, _ pace: Pace
    ) async -> (StoreReception, Ending) {
        var (parser, reception) = (parser, reception)
        var pieces = body.makeAsyncIterator()
        do {
            while true {
                pace.waits()
                let piece = try await pieces.next()
                pace.hasGot(piece?.readableBytes ?? 0)
                guard let piece else { break }
                var input = Array(piece.readableBytesView)[...]
                while let event = try parser.next(&input) { await reception.take(event) }
            }
            try parser.finish()
            return (reception, .complete)
        } catch let failure as MultipartParser.Failure {
            switch failure {
            case .malformed(let what):
                reception.breakOff(.cannotUnderstand)
                return (reception, .malformed(what))
            case .partTooLarge:
                reception.breakOff(.outOfResources)
                return (reception, .tooLarge("an instance has more than \(limits.partBytes) bytes"))
            case .tooManyParts:
                return (reception, .tooLarge("a request has more than \(limits.parts) instances"))
            }
        } catch {
            reception.breakOff(.outOfResources)
            return (reception, .brokenOff(error))
        }
    }

    /// How much has come in how much time of waiting.
    private final class Pace: Sendable {
        private struct State {
            var bytes = 0
            var waited = Duration.zero
            var waitsSince: ContinuousClock.Instant?
        }
        private let state = Mutex(State())

        func waits() { state.withLock { $0.waitsSince = .now } }

        func hasGot(_ count: Int) {
            state.withLock { state in
                state.bytes += count
                if let start = state.waitsSince { state.waited += .now - start }
                state.waitsSince = nil
            }
        }

        func isBelow(_ rate: Int, after grace: Duration) -> Bool {
            state.withLock { state in
                guard let start = state.waitsSince else { return false }
                return state.waited + (.now - start) > grace + .seconds(Double(state.bytes) / Double(rate))
            }
        }
    }
}
