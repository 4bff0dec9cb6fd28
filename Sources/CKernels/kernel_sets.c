#include "kernel_sets.h"

bool lv_kernel_set_supported(lv_kernel_set set) {
    switch (set) {
    case LV_PORTABLE: return true;
#if LV_X86
    // These also check that the operating system saves the registers (XGETBV).
    case LV_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case LV_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#else
    case LV_AVX2:
    case LV_AVX512: return false;
#endif
    }
    return false;
}
