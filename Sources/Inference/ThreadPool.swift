internal import CKernels
internal import Foundation

/// The threads that run kernels, the calling thread being one of them.
final class ThreadPool {
    private let handle: OpaquePointer
    let threads: Int

    init(threads: Int) throws(InferenceError) {
        var error: Int32 = 0
        guard let handle = lv_pool_create(threads, &error) else {
            throw InferenceError(
                .resources, "\(threads) threads can't be started: \(String(cString: strerror(error)))")
        }
        self.handle = handle
        self.threads = threads
    }

    deinit { lv_pool_destroy(handle) }

    /// Runs `work` on one of the other threads while the rest computes, or at once where there is no other. Once.
    func runAside(_ work: @escaping () -> Void) {
        let box = Unmanaged.passRetained(Aside(work))
        let started = lv_pool_run_aside(
            handle, { Unmanaged<Aside>.fromOpaque($0!).takeRetainedValue().work() }, box.toOpaque())
        if !started { box.takeRetainedValue().work() }
    }

    private final class Aside {
        let work: () -> Void
        init(_ work: @escaping () -> Void) { self.work = work }
    }

    /// Runs every item of `kernel` and returns when all are done. One caller at a time.
    func run<Kernel>(_ item: lv_item, _ kernel: Kernel, items: Int) {
        withUnsafePointer(to: kernel) { lv_pool_run(handle, item, $0, items) }
    }
}
