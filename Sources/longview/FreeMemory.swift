import CMalloc
import Decoding
import ServiceLifecycle

/// Memory that was freed goes back to the system, in processes that run for months.
///
/// By itself glibc keeps of each thread's arena, of which there are eight a processor, up to twice the largest buffer that
/// was ever freed: mallopt(3) on its dynamic thresholds. Here that came to hundreds of MiB. With thresholds that stay it
/// was still three times what was in use, in holes between blocks; these are given back from time to time.
struct FreeMemory: ServiceLifecycle.Service {
    private static let interval = Duration.seconds(20)
    private let queue = ComputeQueue("memory", concurrent: false)

    /// Sets the thresholds: before there are threads.
    static func limit() {
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        mallopt(M_TRIM_THRESHOLD, 2 << 20)
        mallopt(M_ARENA_MAX, 4)
    }

    /// Gives back what is free until it is told to stop.
    func run() async throws {
        while !Task.isCancelled && !Task.isShuttingDownGracefully {
            try await queue.run { _ = malloc_trim(1 << 20) }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) }
        }
    }
}
