import Service
import Testing

@Suite("Work signal")
struct WorkSignalTests {
    @Test("a notification wakes those who wait, and is seen by those who looked before it and wait after it")
    func notification() async {
        let signal = WorkSignal()
        let seen = signal.generation
        let clock = ContinuousClock()
        let time = await clock.measure {
            await withTaskGroup { group in
                for _ in 0..<5 { group.addTask { await signal.wait(since: seen, upTo: .seconds(1200)) } }
                try? await Task.sleep(for: .milliseconds(20))
                signal.notify()
            }
            await signal.wait(since: seen, upTo: .seconds(1200))
        }
        // At once, as far as a busy machine can.
        #expect(time < .seconds(600))
    }

    @Test("a wait ends with its time, or with its task")
    func ends() async {
        let signal = WorkSignal()
        await signal.wait(since: signal.generation, upTo: .milliseconds(5))
        let waiting = Task { await signal.wait(since: signal.generation, upTo: .seconds(600)) }
        waiting.cancel()
        await waiting.value
    }
}
