#include "rendering_sets.h"

bool lv_rendering_set_supported(lv_rendering_set set) {
    switch (set) {
    case LV_RENDERING_PORTABLE: return true;
#if LV_X86
    // These also check that the operating system saves the registers (XGETBV).
    case LV_RENDERING_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case LV_RENDERING_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
#else
    case LV_RENDERING_AVX2:
    case LV_RENDERING_AVX512: return false;
#endif
    }
    return false;
}

lv_rendering_set lv_rendering_set_best(void) {
    if (lv_rendering_set_supported(LV_RENDERING_AVX512)) return LV_RENDERING_AVX512;
    if (lv_rendering_set_supported(LV_RENDERING_AVX2)) return LV_RENDERING_AVX2;
    return LV_RENDERING_PORTABLE;
}
