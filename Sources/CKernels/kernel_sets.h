// What the kernels share: vector types and the compilation of one body for three instruction sets.
#pragma once

#include "CKernels.h"

#if defined(__x86_64__)
#define LV_X86 1
#define LV_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define LV_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#else
#define LV_X86 0
#endif

#define LV_INLINE static inline __attribute__((always_inline))

/// Quads of channels in a block of bytes.
LV_INLINE size_t lv_quads(uint8_t channels) { return (channels + (size_t)LV_QUAD - 1) / LV_QUAD; }

// Alignment 4: the compiler may not assume more, and unaligned moves cost nothing on aligned data.
typedef float lv_vector8 __attribute__((ext_vector_type(8), aligned(4)));
typedef float lv_vector16 __attribute__((ext_vector_type(16), aligned(4)));

// Defines `name`, an lv_item that runs `name_body(const type *, size_t item)` compiled for the set the kernel asks for.
#if LV_X86
#define LV_DISPATCHED_ITEM(name, type)                                                                    \
    LV_TARGET_AVX512 static void name##_avx512(const type *kernel, size_t item) { name##_body(kernel, item); } \
    LV_TARGET_AVX2 static void name##_avx2(const type *kernel, size_t item) { name##_body(kernel, item); }     \
    static void name##_portable(const type *kernel, size_t item) { name##_body(kernel, item); }                \
    void name(const void *argument, size_t item, size_t worker) {                                              \
        const type *kernel = argument;                                                                         \
        (void)worker;                                                                                          \
        switch (kernel->set) {                                                                                 \
        case LV_AVX512: name##_avx512(kernel, item); return;                                                   \
        case LV_AVX2: name##_avx2(kernel, item); return;                                                       \
        case LV_PORTABLE: name##_portable(kernel, item); return;                                               \
        }                                                                                                      \
    }
#else
#define LV_DISPATCHED_ITEM(name, type)                                  \
    void name(const void *argument, size_t item, size_t worker) {       \
        (void)worker;                                                   \
        name##_body(argument, item);                                    \
    }
#endif

