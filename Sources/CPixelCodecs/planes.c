#include "CPixelCodecs.h"

#define LV_DEFINE_PLANE(name, type)                                                                     \
    static inline void name##_strided(const int32_t *plane, size_t pixels, const size_t stride,         \
                                      const unsigned shift, type *out) {                                \
        for (size_t pixel = 0; pixel < pixels; pixel++)                                                 \
            out[pixel * stride] = (type)((int32_t)((uint32_t)plane[pixel] << shift) >> shift);          \
    }                                                                                                   \
    void name(const int32_t *plane, size_t pixels, size_t stride, unsigned bits, type *out) {           \
        /* A constant stride is what the compiler vectorises. */                                        \
        if (stride == 1) name##_strided(plane, pixels, 1, 32 - bits, out);                              \
        else name##_strided(plane, pixels, stride, 32 - bits, out);                                     \
    }

LV_DEFINE_PLANE(lv_plane_to_16, uint16_t)
LV_DEFINE_PLANE(lv_plane_to_32, int32_t)
