import CConfinement
import Glibc

/// A decoder process as its user sees it: bytes go in by shared memory, an answer comes out; or the process ends.
///
/// Blocks its callers. `@unchecked Sendable`: one caller at a time, which ``DecoderPool`` sees to.
final class DecoderProcess: @unchecked Sendable {
    /// What the kernel keeps it from.
    let confinement: Confinement
    /// Whether another should take its place.
    var isWorn: Bool { served >= limits.objectsPerProcess || capacity > Self.largestKept }

    private static let largestKept = 256 << 20

    private let limits: DecoderLimits
    private let channel: DecoderChannel
    private let memory: Int32
    private let process: pid_t
    private var region: UnsafeMutableRawPointer?
    private var capacity = 0
    private var served = 0
    private var hasEnded = false

    /// Starts the program at `path` and waits until it is ready.
    init(path: String, limits: DecoderLimits) throws {
        self.limits = limits
        var sockets: [Int32] = [-1, -1]
        let paired = CConfinement_socket_pair(&sockets)
        guard paired == 0 else { throw Self.notStarted(path, paired) }
        let memory = CConfinement_create_memory()
        self.memory = memory
        guard memory >= 0 else {
            let error = errno
            sockets.forEach { close($0) }
            throw Self.notStarted(path, error)
        }
        channel = DecoderChannel(socket: sockets[0])
        var process: pid_t = 0
        let environment = Self.environment(limits)
        let started = Self.withCStrings(environment) {
            CConfinement_spawn(path, $0, sockets[1], memory, &process)
        }
        close(sockets[1])
        guard started == 0 else {
            close(sockets[0])
            close(memory)
            throw Self.notStarted(path, started)
        }
        self.process = process
        do {
            // Generous: a machine that starts under load is slow, not broken.
            let deadline = CConfinement_now() + 120_000_000_000
            let greeting = try channel.receive(limit: 1 << 16, deadline: deadline).decoded(DecoderGreeting.self)
            confinement = greeting.confinement
            if let complaint = greeting.complaint { throw DecoderError(.installationBroken, complaint) }
        } catch {
            // Everything is initialised but what deinit needs to know.
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
            close(sockets[0])
            close(memory)
            if let error = error as? DecoderError { throw error }
            throw DecoderError(
                .notStarted, "\(path) was started and did not say that it is ready; run `longview doctor`")
        }
    }

    deinit {
        if !hasEnded { end() }
        if let region { munmap(region, capacity) }
        close(channel.socket)
        close(memory)
    }

    /// Hands over an object with `request` and waits for the answer. Throws ``DecoderFailure``, after which the process is
    /// gone; or, before it was asked, ``DecoderError`` or what `object` throws.
    func answer(_ request: DecoderRequest, about object: ObjectSource) throws -> (reply: DecoderReply, bytes: [UInt8]) {
        try share(object)
        served += 1
        do {
            _ = CConfinement_allow_processor_time(process, UInt32(limits.processorSeconds))
            let deadline = CConfinement_now() + Int64(limits.seconds * 1e9)
            try channel.send(SizedRequest(request: request, count: object.count, capacity: capacity))
            let message = try channel.receive(limit: limits.replyBytes, deadline: deadline)
            return (try message.decoded(DecoderReply.self), message.bytes)
        } catch DecoderChannel.Failure.timedOut {
            end()
            throw DecoderFailure.timedOut
        } catch DecoderChannel.Failure.closed {
            throw reason()
        } catch {
            end()
            throw DecoderFailure.nonsense
        }
    }

    /// Has an object written into the shared memory, which grows as needed.
    private func share(_ object: ObjectSource) throws {
        if object.count > capacity || region == nil {
            // To the next power of two from 16 MiB on, so that it is rarely mapped anew.
            var wanted = max(capacity, 16 << 20)
            while wanted < object.count { wanted *= 2 }
            if let region { munmap(region, capacity) }
            region = nil
            guard ftruncate(memory, off_t(wanted)) == 0,
                let mapped = mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0), mapped != MAP_FAILED
            else {
                capacity = 0
                throw DecoderError(
                    .outOfMemory, "memory for an object of \(object.count) bytes can't be had; try later")
            }
            region = mapped
            capacity = wanted
        }
        try object.write(to: UnsafeMutableRawBufferPointer(start: region, count: capacity))
    }

    /// Ends the process.
    private func end() {
        hasEnded = true
        kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0 && errno == EINTR {}
    }

    /// Why the process ended, which has closed its socket.
    private func reason() -> DecoderFailure {
        var status: Int32 = 0
        // Its memory is given back before its status can be had, which takes a moment on a busy machine.
        var waited = waitpid(process, &status, WNOHANG)
        for _ in 0..<10_000 where waited == 0 {
            usleep(1000)
            waited = waitpid(process, &status, WNOHANG)
        }
        guard waited == process else {
            end()
            return .nonsense
        }
        hasEnded = true
        let signal = status & 0x7F
        switch signal {
        case 0: return .crashed("it exited with status \(status >> 8 & 0xFF)")
        case SIGXCPU: return .timedOut
        case SIGKILL: return .killed
        default: return .crashed("signal \(signal), \(String(cString: strsignal(signal)))")
        }
    }

    private static func notStarted(_ path: String, _ error: Int32) -> DecoderError {
        DecoderError(
            .notStarted,
            "the decoder \(path) can't be started: \(String(cString: strerror(error))); it belongs beside the program "
                + "longview, or where LONGVIEW_DECODER says")
    }

    /// What a decoder needs to know of the environment, and nothing else of it.
    private static func environment(_ limits: DecoderLimits) -> [String] {
        let names: [String] = ["DCMDICTPATH", "GCONV_PATH", "LD_LIBRARY_PATH"]
        let kept = names.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
        return kept + [
            "LC_ALL=C.UTF-8", "GLIBC_TUNABLES=\(tunables)",
            "\(DecoderService.addressSpaceVariable)=\(limits.addressSpace)",
        ]
    }

    /// Up to 64 MiB that one radiograph took are kept for the next, not given back to the system and had again page by
    /// page, which took longer than to decode it. Blocks of more than 32 MiB, the most that glibc takes here, go back.
    private static let tunables = "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864"

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) } + [nil]
        defer { copies.forEach { free($0) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}

/// A request, with where its bytes are.
struct SizedRequest: Codable {
    var request: DecoderRequest
    /// Bytes of the object, from the start of the shared memory.
    var count: Int
    /// Bytes of shared memory.
    var capacity: Int
}
