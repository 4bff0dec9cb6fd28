import Testing

/// How long something took that began so many seconds after the beginning.
struct Latency: Sendable {
    var at, milliseconds: Double
}

/// What a soak measured, by tenths of its time, and whether it was flat.
struct SoakReport {
    let seconds: Double
    let samples: [SoakSample]
    let counts: SoakTally.Counts
    /// From an object's intake to its record.
    let waits: [Latency]

    private struct Tenth {
        var resident, decoders, descriptors, threads, sending, sendingWorst, waiting, waitingWorst: Double
    }

    private func tenth(_ number: Int) -> Tenth {
        let range = seconds / 10 * Double(number)..<seconds / 10 * Double(number + 1)
        let samples = samples.filter { range.contains($0.at) }
        let sending = counts.sending.filter { range.contains($0.at) }.map(\.milliseconds)
        let waiting = waits.filter { range.contains($0.at) }.map(\.milliseconds)
        return Tenth(
            resident: quantile(0.5, samples.map { Double($0.resident) }) / 1024,
            decoders: quantile(0.5, samples.map { Double($0.decoders) }) / 1024,
            descriptors: quantile(0.5, samples.map { Double($0.descriptors) }),
            threads: quantile(0.5, samples.map { Double($0.threads) }),
            sending: quantile(0.5, sending), sendingWorst: quantile(0.95, sending),
            waiting: quantile(0.5, waiting), waitingWorst: quantile(0.95, waiting))
    }

    private func quantile(_ share: Double, _ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.sorted()[Int(share * Double(values.count - 1))]
    }

    /// Prints the table, and holds the last fifth of the time against the second: by then all has been used once.
    func judge() {
        let tenths = (0..<10).map(tenth)
        print(
            "tenth of \(Int(seconds)) s | server MiB | decoders MiB | descriptors | threads | sending ms, 95 % | record ms, 95 %"
        )
        for (number, tenth) in tenths.enumerated() {
            let values = [
                tenth.resident, tenth.decoders, tenth.descriptors, tenth.threads, tenth.sending, tenth.sendingWorst,
                tenth.waiting, tenth.waitingWorst,
            ]
            print("\(number + 1) | " + values.map { "\(Int($0.rounded()))" }.joined(separator: " | "))
        }
        print(counts.events.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        // Shorter runs say nothing of growth.
        guard seconds >= 300 else { return }
        func compare(_ name: Comment, _ slack: Double, _ value: (Tenth) -> Double) {
            let (early, late) = ((value(tenths[2]) + value(tenths[3])) / 2, (value(tenths[8]) + value(tenths[9])) / 2)
            #expect(late <= early * 1.1 + slack, name)
        }
        compare("memory of the server grows", 8) { $0.resident }
        compare("memory of the decoders grows", 32) { $0.decoders }
        compare("descriptors stay open", 4) { $0.descriptors }
        compare("threads stay", 4) { $0.threads }
        // Of latency only what a busy machine does not explain.
        compare("sending takes ever longer", 50 + tenths[2].sending) { $0.sending }
        compare("records take ever longer", 100 + tenths[2].waiting) { $0.waiting }
    }
}
