import Foundation
import Glibc

/// Facts that a measurement is worth nothing without.
enum Machine {
    /// The processor as its maker names it; virtual machines often shorten the name, so family and model follow.
    static var processor: String {
        var fields: [String: String] = [:]
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty { break }
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let name = fields["model name"] else { return "unknown" }
        guard let family = fields["cpu family"], let model = fields["model"] else { return name }
        return "\(name) (family \(family), model \(model))"
    }

    /// What this process has had of all processors.
    static var processorMilliseconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }

    /// What the process `root` and all below it have had of all processors, those included that have ended.
    static func processorMilliseconds(ofTree root: Int32) -> Double {
        var children: [Int32: [Int32]] = [:]
        var ticks: [Int32: Int] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = Int32(entry),
                let text = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8),
                let name = text.lastIndex(of: ")")
            else { continue }
            // After the name (proc(5)): state, parent … utime, stime, and the same of children waited for.
            let fields = text[name...].split(separator: " ").dropFirst().map { Int($0) ?? 0 }
            guard fields.count > 14 else { continue }
            children[Int32(fields[1]), default: []].append(process)
            ticks[process] = fields[11...14].reduce(0, +)
        }
        var sum = 0
        var open = [root]
        while let process = open.popLast() {
            sum += ticks[process] ?? 0
            open += children[process] ?? []
        }
        return Double(sum) / Double(sysconf(Int32(_SC_CLK_TCK))) * 1e3
    }

    /// The most memory that this process has held at once.
    static var peakResidentMiB: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024  // in KiB on Linux
    }
}
