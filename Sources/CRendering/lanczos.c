// The Lanczos window, in vectors. Every operation is IEEE 754's on one element (no contraction, no reassociation), so
// the bits do not depend on how many elements a vector has.

#include "rendering_sets.h"

/// sin(pi x) / (pi x) for |x| <= 3. Its own polynomial, because the C library's sine may differ between CPUs in the
/// last bit.
static inline __attribute__((always_inline)) double sinc(double x) {
    const double pi = 3.14159265358979323846;
    const double size = x < 0 ? -x : x;
    // The nearest whole number, halves away from zero.
    const double turns = (size < 0.5 ? 0.0 : size < 1.5 ? 1.0 : size < 2.5 ? 2.0 : 3.0) * (x < 0 ? -1.0 : 1.0);
    const double angle = pi * (x - turns);
    const double square = angle * angle;
    // Taylor's series to the 23rd power: below 2^-60 relative for |angle| <= pi / 2.
    double series = 1;
#pragma unroll
    for (int power = 23; power > 1; power -= 2) series = 1 - series * square / (double)(power * (power - 1));
    const double odd = angle * series;
    const double sine = size >= 0.5 && (size < 1.5 || size >= 2.5) ? -odd : odd;
    const double quotient = sine / (pi * x);
    return x == 0 ? 1 : quotient;
}

static inline __attribute__((always_inline)) void lanczos(const double *x, size_t count, double *weights) {
    for (size_t index = 0; index < count; index++) {
        const double weight = sinc(x[index]) * sinc(x[index] / 3);
        weights[index] = x[index] >= -3 && x[index] < 3 ? weight : 0;
    }
}

#if LV_X86
LV_TARGET_AVX2 static void lanczos_avx2(const double *x, size_t count, double *weights) { lanczos(x, count, weights); }
#endif

void lv_lanczos(const double *x, size_t count, double *weights, lv_rendering_set set) {
#if LV_X86
    if (set != LV_RENDERING_PORTABLE) {
        lanczos_avx2(x, count, weights);
        return;
    }
#else
    (void)set;
#endif
    lanczos(x, count, weights);
}
