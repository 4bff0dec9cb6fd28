internal import CRendering

/// The instruction sets that rendering has kernels for. All give the same bits.
enum RenderingKernels: CaseIterable, Sendable {
    case portable
    case avx2
    /// AVX-512 with VNNI.
    case avx512

    /// The fastest that this processor has.
    static let best = allCases.last { $0.isSupported } ?? .portable

    /// Whether this processor has it.
    var isSupported: Bool { lv_rendering_set_supported(set) }

    var set: lv_rendering_set {
        switch self {
        case .portable: LV_RENDERING_PORTABLE
        case .avx2: LV_RENDERING_AVX2
        case .avx512: LV_RENDERING_AVX512
        }
    }
}
