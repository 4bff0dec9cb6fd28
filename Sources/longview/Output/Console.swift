import Foundation
import Glibc

/// Where output goes: results to standard output, all else to standard error.
enum Console {
    static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1
    /// Colour only for a person who has not declined it (no-color.org).
    static let colours = outputIsTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    /// One line of result.
    static func out(_ line: String) {
        write(line + "\n", to: STDOUT_FILENO)
    }

    /// One line to the person.
    static func note(_ line: String) {
        Progress.erase()
        write(line + "\n", to: STDERR_FILENO)
    }

    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                // Nobody reads any more, or the disk is full: the exit status must say so.
                if descriptor == STDOUT_FILENO {
                    let reason = String(cString: strerror(errno))
                    write("longview: standard output can't be written: \(reason)\n", to: STDERR_FILENO)
                    exit(1)
                }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }

    /// `text` in bold, where colours are wanted.
    static func bold(_ text: String) -> String { colours ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}

extension String {
    /// Without control characters: what an object says of itself must not steer a terminal.
    var printable: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
