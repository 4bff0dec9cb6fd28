// What the files of this target share.
#pragma once

#include "CRendering.h"

#if defined(__x86_64__)
#define LV_X86 1
#include <immintrin.h>
#define LV_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define LV_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")))
#else
#define LV_X86 0
#endif
