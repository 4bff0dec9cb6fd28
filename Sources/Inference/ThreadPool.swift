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

    /// Runs every item of `kernel` and returns when all are done. One caller at a time.
    func run<Kernel>(_ item: lv_item, _ kernel: Kernel, items: Int) {
        withUnsafePointer(to: kernel) { lv_pool_run(handle, item, $0, items) }
    }
}
