import CConfinement

/// What a decoder process is kept from by the kernel.
public struct Confinement: OptionSet, Sendable, Codable {
    /// The measures, a bit each.
    public let rawValue: UInt32

    /// The measures whose bits are set.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Address space, processor time, descriptors; no files written, no core dumps (setrlimit).
    public static let limits = Confinement(rawValue: UInt32(CConfinement_limits.rawValue))
    /// No privileges gained, no debugger (prctl).
    public static let privileges = Confinement(rawValue: UInt32(CConfinement_privileges.rawValue))
    /// No file opened (Landlock, Linux 5.13).
    public static let files = Confinement(rawValue: UInt32(CConfinement_files.rawValue))
    /// No network, no processes, no other system calls (seccomp).
    public static let systemCalls = Confinement(rawValue: UInt32(CConfinement_system_calls.rawValue))

    /// All measures.
    public static let complete: Confinement = [.limits, .privileges, .files, .systemCalls]

    /// The measures that are not there, in words; empty where all are.
    public var missing: [String] {
        let names: [(Confinement, String)] = [
            (.limits, "resource limits"), (.privileges, "no new privileges"),
            (.files, "Landlock (needs Linux 5.13 or later with it enabled)"), (.systemCalls, "seccomp filters"),
        ]
        return names.filter { !contains($0.0) }.map(\.1)
    }

    /// Confines this process for good. It must have one thread.
    static func apply(_ limits: DecoderLimits) -> Confinement {
        Confinement(rawValue: CConfinement_apply(UInt64(limits.addressSpace)))
    }
}

/// Bounds on what one object may cost.
public struct DecoderLimits: Sendable, Codable {
    /// Bytes of address space of a decoder process, its programs and libraries included.
    public var addressSpace = 4 << 30
    /// Seconds of processor time for one object.
    public var processorSeconds = 20
    /// Seconds on the clock for one object, in which a process that waits for nothing is found out.
    public var seconds = 120.0
    /// The largest message and the largest picture taken from a decoder, in bytes.
    public var replyBytes = 1 << 28
    /// Objects a process decodes before another takes its place, so that what leaks does not add up.
    public var objectsPerProcess = 500

    /// The bounds that hold unless others are given.
    public init() {}
}
