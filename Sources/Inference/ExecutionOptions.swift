internal import CKernels

/// An instruction set that the kernels are compiled for. All sets give equal bits.
public enum KernelSet: String, Sendable, CaseIterable, Codable {
    case avx512, avx2, portable

    /// Whether this CPU and operating system can run it.
    public var isSupported: Bool { lv_kernel_set_supported(cValue) }

    /// The sets that run here, fastest first.
    public static var supported: [KernelSet] { allCases.filter(\.isSupported) }

    var cValue: lv_kernel_set {
        switch self {
        case .avx512: LV_AVX512
        case .avx2: LV_AVX2
        case .portable: LV_PORTABLE
        }
    }
}

/// How a network is run: neither option changes a bit of the result.
public struct ExecutionOptions: Sendable, Equatable {
    /// Threads that compute, the calling one included.
    public let threads: Int
    /// The instruction set in use.
    public let kernels: KernelSet

    /// - Parameters:
    ///   - threads: 1 ... 256.
    ///   - kernels: nil takes the fastest that this CPU has.
    /// - Throws: `InferenceError` (`invalidInput`, or `unavailableKernels` where this CPU lacks the set).
    public init(threads: Int, kernels: KernelSet? = nil) throws(InferenceError) {
        guard 1...256 ~= threads else {
            throw InferenceError(.invalidInput, "\(threads) threads can't be used: choose 1 to 256")
        }
        if let kernels, !kernels.isSupported {
            throw InferenceError(
                .unavailableKernels,
                "this CPU can't run the \(kernels.rawValue) kernels; it has "
                    + KernelSet.supported.map(\.rawValue).joined(separator: ", "))
        }
        self.threads = threads
        self.kernels = kernels ?? KernelSet.supported[0]
    }

    /// As above, with the kernel set as users write it: `auto`, `avx512`, `avx2` or `portable`.
    public init(threads: Int, kernelsNamed name: String) throws(InferenceError) {
        guard let kernels = KernelSet(rawValue: name) else {
            guard name == "auto" else {
                throw InferenceError(
                    .unavailableKernels, "“\(name)” is no kernel set: choose auto, avx512, avx2 or portable")
            }
            try self.init(threads: threads)
            return
        }
        try self.init(threads: threads, kernels: kernels)
    }
}

/// What computed a result: recorded with it.
public struct EngineIdentity: Sendable, Equatable, Codable {
    /// The version of the kernels' arithmetic: results of equal versions have equal bits, whatever the kernel set.
    public let version: String
    /// The instruction set that ran; recorded though it changes no bit.
    public let kernels: KernelSet
    /// Threads that computed, the calling one included.
    public let threads: Int
}
