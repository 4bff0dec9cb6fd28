import Foundation
import Glibc

/// A line on a terminal that says how far long work has come; nothing where standard error isn't a terminal.
struct Progress {
    private let total: Int
    private let start = ContinuousClock.now
    private var done = 0

    init(total: Int) {
        self.total = total
    }

    /// One more is done.
    mutating func advance() {
        done += 1
        guard Console.errorIsTerminal, total > 1, done < total else { return Self.erase() }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = Double(done) / max(seconds, 0.001)
        let left = Int((Double(total - done) / rate).rounded(.up))
        let text = "\(done) of \(total), \(rate.formatted(decimals: 1)) a second, \(left) s left"
        Console.write("\r\u{1B}[K\(text)", to: STDERR_FILENO)
    }

    /// Removes the line, so that another can be written in its place.
    static func erase() {
        if Console.errorIsTerminal { Console.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
}

extension Double {
    /// With a fixed number of decimals and a point, whatever the locale.
    func formatted(decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
