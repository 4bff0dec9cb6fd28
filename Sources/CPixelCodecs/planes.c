#include "CPixelCodecs.h"

#include <stdbool.h>

// One pass over memory for both, values and range.
#define LV_DEFINE_PLANE(name, type)                                                                                  \
    static inline __attribute__((always_inline)) void name##_strided(                                                \
        const int32_t *plane, size_t pixels, const size_t stride, unsigned shift, type *out, int32_t *low,           \
        int32_t *high) {                                                                                             \
        int32_t least = INT32_MAX, greatest = INT32_MIN;                                                             \
        for (size_t pixel = 0; pixel < pixels; pixel++) {                                                            \
            const int32_t value = (int32_t)((uint32_t)plane[pixel] << shift) >> shift;                               \
            out[pixel * stride] = (type)value;                                                                       \
            least = value < least ? value : least;                                                                   \
            greatest = value > greatest ? value : greatest;                                                          \
        }                                                                                                            \
        *low = least;                                                                                                \
        *high = greatest;                                                                                            \
    }                                                                                                                \
    static inline __attribute__((always_inline)) void name##_body(                                                   \
        const int32_t *plane, size_t pixels, size_t stride, unsigned shift, type *out, int32_t *low, int32_t *high) { \
        /* A constant stride is what the compiler vectorises. */                                                     \
        if (stride == 1) name##_strided(plane, pixels, 1, shift, out, low, high);                                    \
        else name##_strided(plane, pixels, stride, shift, out, low, high);                                           \
    }                                                                                                                \
    LV_TARGET_AVX2 static void name##_avx2(const int32_t *plane, size_t pixels, size_t stride, unsigned shift,       \
                                           type *out, int32_t *low, int32_t *high) {                                 \
        name##_body(plane, pixels, stride, shift, out, low, high);                                                   \
    }                                                                                                                \
    void name(const int32_t *plane, size_t pixels, size_t stride, unsigned bits, type *out, int32_t *low,            \
              int32_t *high) {                                                                                       \
        if (has_avx2()) name##_avx2(plane, pixels, stride, 32 - bits, out, low, high);                               \
        else name##_body(plane, pixels, stride, 32 - bits, out, low, high);                                          \
    }

#if defined(__x86_64__)
#define LV_TARGET_AVX2 __attribute__((target("avx2")))
static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
#define LV_TARGET_AVX2
static bool has_avx2(void) { return false; }
#endif

LV_DEFINE_PLANE(lv_plane_to_16, uint16_t)
LV_DEFINE_PLANE(lv_plane_to_32, int32_t)
