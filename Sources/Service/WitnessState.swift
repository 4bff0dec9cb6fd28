import Dispatch
import Glibc
public import Ledger

/// What a witness remembers of its logs, on disk, and the decisions that rest on it.
///
/// One decision at a time: look-up, decision and keeping are one step on one queue. A new state is on disk before the
/// decision is returned, so that a witness that dies in between has cosigned nothing it does not remember. A lock file
/// keeps a second process from the same state: two witnesses of one key could cosign two stories.
public final class WitnessState: Sendable {
    private let witness: Witness
    private let path: String
    // The descriptor that holds the lock, for as long as this lives.
    private let lock: Int32
    // Touched on `queue` alone, but for the initialiser.
    private nonisolated(unsafe) var seen: [String: Witness.Seen]
    private let queue = DispatchQueue(label: "longview.witness")

    /// One log in the file.
    private struct Log: Codable {
        var origin: String
        var size: Int
        var root: MerkleHash
    }

    /// The state in the file at `path`, which is made where there is none.
    /// - Throws: ``LedgerError`` (`fileSystem`, also where another process has the state; `malformedJSON` for a file that
    ///   is no state: a witness must not forget, so it does not begin anew).
    public init(path: String, witness: Witness) throws {
        self.witness = witness
        self.path = path
        lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw Self.error("opened", path + ".lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let error = Self.error("locked", path + ".lock")
            close(lock)
            throw isHeld
                ? LedgerError(.fileSystem, "another process uses \(path); one witness key has one process") : error
        }
        do {
            if let bytes = try Self.contents(path) {
                seen = try Self.read(bytes)
            } else {
                seen = [:]
                try Self.write([:], to: path)
            }
        } catch {
            close(lock)
            throw error
        }
    }

    deinit { close(lock) }

    /// Decides on a request, and keeps what it accepts.
    /// - Parameter time: now, in seconds since 1970.
    /// - Throws: ``LedgerError`` where the state can't be written: nothing was cosigned then.
    public func decide(_ request: AddCheckpointRequest, time: UInt64) async throws -> Witness.Decision {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Result { try decideNow(request, time: time) }) }
        }
    }

    private func decideNow(_ request: AddCheckpointRequest, time: UInt64) throws -> Witness.Decision {
        let origin = request.checkpoint.origin
        let decision = try witness.decide(request, seen: seen[origin] ?? .nothing, time: time)
        if case .accepted(let next, _) = decision, next != seen[origin] {
            var changed = seen
            changed[origin] = next
            try Self.write(changed, to: path)
            seen = changed
        }
        return decision
    }

    // MARK: - The file

    private static func error(_ what: String, _ path: String) -> LedgerError {
        LedgerError(.fileSystem, "\(path) can't be \(what): \(String(cString: strerror(errno)))")
    }

    private static func read(_ bytes: [UInt8]) throws -> [String: Witness.Seen] {
        let logs = try CanonicalJSON.decode([Log].self, from: bytes)
        return Dictionary(
            logs.map { ($0.origin, Witness.Seen(size: $0.size, root: $0.root)) },
            uniquingKeysWith: { $0.size > $1.size ? $0 : $1 })
    }

    private static func write(_ seen: [String: Witness.Seen], to path: String) throws {
        let logs = seen.map { Log(origin: $0.key, size: $0.value.size, root: $0.value.root) }
            .sorted { $0.origin < $1.origin }
        try DurableFile.replace(path, with: CanonicalJSON.encode(logs), draft: path + ".new", mode: 0o600)
    }

    private static func contents(_ path: String) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw error("opened", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw error("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
