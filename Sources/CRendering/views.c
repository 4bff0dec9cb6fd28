// Cutting views from a picture. One rounding an operation and the same order for every instruction set.
//
// The AVX-512 kernels do 16 columns at a time, for all rows: what 16 neighbouring outputs need of a row lies within 32
// values where the picture shrinks less than twofold, so two loads and a permutation take the place of a gather.

#include "rendering_sets.h"

// MARK: Levels and normalisation

#define LV_DEFINE_ELEMENTWISE(suffix, attribute)                                                                   \
    attribute static void unit_##suffix(const uint8_t *levels, size_t count, float *values) {                      \
        for (size_t i = 0; i < count; i++) values[i] = (float)levels[i] / 255.0f;                                  \
    }                                                                                                              \
    attribute static void normalise_##suffix(const float *grey, size_t count, float mean, float deviation,         \
                                             float *output) {                                                      \
        for (size_t i = 0; i < count; i++) output[i] = (grey[i] - mean) / deviation;                               \
    }

LV_DEFINE_ELEMENTWISE(portable, )
#if LV_X86
LV_DEFINE_ELEMENTWISE(avx2, LV_TARGET_AVX2)
LV_DEFINE_ELEMENTWISE(avx512, LV_TARGET_AVX512)
#endif

void lv_unit(const uint8_t *levels, size_t count, float *values, lv_rendering_set set) {
    switch (set) {
#if LV_X86
    case LV_RENDERING_AVX512: return unit_avx512(levels, count, values);
    case LV_RENDERING_AVX2: return unit_avx2(levels, count, values);
#endif
    default: return unit_portable(levels, count, values);
    }
}

void lv_normalise(const float *grey, size_t count, float mean, float deviation, float *output, lv_rendering_set set) {
    switch (set) {
#if LV_X86
    case LV_RENDERING_AVX512: return normalise_avx512(grey, count, mean, deviation, output);
    case LV_RENDERING_AVX2: return normalise_avx2(grey, count, mean, deviation, output);
#endif
    default: return normalise_portable(grey, count, mean, deviation, output);
    }
}

// MARK: Averaging down

/// Outputs `x` ... `end` - 1 of all rows.
static void average_columns(const float *plane, size_t width, const lv_windows *across, const lv_windows *down,
                            size_t x, size_t end, float *output) {
    for (size_t y = 0; y < down->count; y++) {
        const float rows = (float)(down->ends[y] - down->starts[y]);
        for (size_t i = x; i < end; i++) {
            float sum = 0;
            for (int32_t row = down->starts[y]; row < down->ends[y]; row++)
                for (int32_t column = across->starts[i]; column < across->ends[i]; column++)
                    sum += plane[(size_t)row * width + (size_t)column];
            output[y * across->count + i] = sum / rows / (float)(across->ends[i] - across->starts[i]);
        }
    }
}

#if LV_X86

LV_TARGET_AVX2 static void average_avx2(const float *plane, size_t width, const lv_windows *across,
                                        const lv_windows *down, float *output) {
    size_t x = 0;
    for (; x + 8 <= across->count; x += 8) {
        const __m256i starts = _mm256_loadu_si256((const __m256i *)(across->starts + x));
        const __m256i ends = _mm256_loadu_si256((const __m256i *)(across->ends + x));
        const __m256i lengths = _mm256_sub_epi32(ends, starts);
        int32_t longest = 0;
        for (size_t i = x; i < x + 8; i++) {
            const int32_t length = across->ends[i] - across->starts[i];
            longest = length > longest ? length : longest;
        }
        for (size_t y = 0; y < down->count; y++) {
            __m256 sum = _mm256_setzero_ps();
            for (int32_t row = down->starts[y]; row < down->ends[y]; row++)
                for (int32_t k = 0; k < longest; k++) {
                    const __m256i step = _mm256_set1_epi32(k);
                    // Beyond its window a lane adds 0, which changes no sum of values that are not negative.
                    const __m256 inside = _mm256_castsi256_ps(_mm256_cmpgt_epi32(lengths, step));
                    sum = _mm256_add_ps(sum, _mm256_mask_i32gather_ps(_mm256_setzero_ps(), plane + (size_t)row * width,
                                                                      _mm256_add_epi32(starts, step), inside, 4));
                }
            const __m256 rows = _mm256_set1_ps((float)(down->ends[y] - down->starts[y]));
            _mm256_storeu_ps(output + y * across->count + x,
                             _mm256_div_ps(_mm256_div_ps(sum, rows), _mm256_cvtepi32_ps(lengths)));
        }
    }
    average_columns(plane, width, across, down, x, across->count, output);
}

/// The first of 32 columns among which are all from `low` to `high`; -1 where there are none.
static inline int32_t window_of_32(int32_t low, int32_t high, size_t width) {
    if (width < 32) return -1;
    const int32_t last = (int32_t)width - 32;
    const int32_t first = low < last ? low : last;
    return high - first < 32 ? first : -1;
}

/// The lanes of a vector of 16 that have an output, from output `x` on.
static inline __mmask16 lanes_from(size_t x, size_t count) {
    return (__mmask16)(count - x < 16 ? (1u << (count - x)) - 1 : 0xFFFF);
}

/// Values from `values` on; lanes beyond the last have the first.
LV_TARGET_AVX512 static inline __m512i load_lanes(const int32_t *values, __mmask16 lanes) {
    return _mm512_mask_loadu_epi32(_mm512_set1_epi32(values[0]), lanes, values);
}

LV_TARGET_AVX512 static void average_avx512(const float *plane, size_t width, const lv_windows *across,
                                            const lv_windows *down, float *output) {
    for (size_t x = 0; x < across->count; x += 16) {
        const __mmask16 lanes = lanes_from(x, across->count);
        __m512i starts = load_lanes(across->starts + x, lanes);
        const __m512i ends = load_lanes(across->ends + x, lanes);
        const int32_t base = window_of_32(_mm512_reduce_min_epi32(starts), _mm512_reduce_max_epi32(ends) - 1, width);
        if (base < 0) {
            average_columns(plane, width, across, down, x, x + (size_t)__builtin_popcount(lanes), output);
            continue;
        }
        const __m512i lengths = _mm512_sub_epi32(ends, starts);
        const int32_t longest = _mm512_reduce_max_epi32(lengths);
        starts = _mm512_sub_epi32(starts, _mm512_set1_epi32(base));
        for (size_t y = 0; y < down->count; y++) {
            __m512 sum = _mm512_setzero_ps();
            for (int32_t row = down->starts[y]; row < down->ends[y]; row++) {
                const float *line = plane + (size_t)row * width + base;
                const __m512 near = _mm512_loadu_ps(line), far = _mm512_loadu_ps(line + 16);
                for (int32_t k = 0; k < longest; k++) {
                    const __m512i step = _mm512_set1_epi32(k);
                    sum = _mm512_mask_add_ps(sum, _mm512_cmpgt_epi32_mask(lengths, step), sum,
                                             _mm512_permutex2var_ps(near, _mm512_add_epi32(starts, step), far));
                }
            }
            const __m512 rows = _mm512_set1_ps((float)(down->ends[y] - down->starts[y]));
            _mm512_mask_storeu_ps(output + y * across->count + x, lanes,
                                  _mm512_div_ps(_mm512_div_ps(sum, rows), _mm512_cvtepi32_ps(lengths)));
        }
    }
}

#endif

void lv_average(const float *plane, size_t width, const lv_windows *across, const lv_windows *down, float *output,
                lv_rendering_set set) {
    switch (set) {
#if LV_X86
    case LV_RENDERING_AVX512: return average_avx512(plane, width, across, down, output);
    case LV_RENDERING_AVX2: return average_avx2(plane, width, across, down, output);
#endif
    default: return average_columns(plane, width, across, down, 0, across->count, output);
    }
}

// MARK: Bilinear sampling

/// Outputs `x` ... `end` - 1 of all rows.
static void sample_columns(const float *plane, size_t width, const lv_taps *across, const lv_taps *down, size_t x,
                           size_t end, float *output) {
    for (size_t y = 0; y < down->count; y++) {
        const float *upper = plane + (size_t)down->first[y] * width, *lower = plane + (size_t)down->second[y] * width;
        const float south = down->fraction[y], north = 1 - south;
        for (size_t i = x; i < end; i++) {
            const float east = across->fraction[i], west = 1 - east;
            const int32_t first = across->first[i], second = across->second[i];
            output[y * across->count + i] = upper[first] * (north * west) + upper[second] * (north * east) +
                                            lower[first] * (south * west) + lower[second] * (south * east);
        }
    }
}

#if LV_X86

LV_TARGET_AVX2 static void sample_avx2(const float *plane, size_t width, const lv_taps *across, const lv_taps *down,
                                       float *output) {
    size_t x = 0;
    for (; x + 8 <= across->count; x += 8) {
        const __m256i first = _mm256_loadu_si256((const __m256i *)(across->first + x));
        const __m256i second = _mm256_loadu_si256((const __m256i *)(across->second + x));
        const __m256 east = _mm256_loadu_ps(across->fraction + x), west = _mm256_sub_ps(_mm256_set1_ps(1), east);
        for (size_t y = 0; y < down->count; y++) {
            const float *upper = plane + (size_t)down->first[y] * width;
            const float *lower = plane + (size_t)down->second[y] * width;
            const __m256 south = _mm256_set1_ps(down->fraction[y]), north = _mm256_sub_ps(_mm256_set1_ps(1), south);
            const __m256 a = _mm256_mul_ps(_mm256_i32gather_ps(upper, first, 4), _mm256_mul_ps(north, west));
            const __m256 b = _mm256_mul_ps(_mm256_i32gather_ps(upper, second, 4), _mm256_mul_ps(north, east));
            const __m256 c = _mm256_mul_ps(_mm256_i32gather_ps(lower, first, 4), _mm256_mul_ps(south, west));
            const __m256 d = _mm256_mul_ps(_mm256_i32gather_ps(lower, second, 4), _mm256_mul_ps(south, east));
            _mm256_storeu_ps(output + y * across->count + x, _mm256_add_ps(_mm256_add_ps(_mm256_add_ps(a, b), c), d));
        }
    }
    sample_columns(plane, width, across, down, x, across->count, output);
}

LV_TARGET_AVX512 static void sample_avx512(const float *plane, size_t width, const lv_taps *across,
                                           const lv_taps *down, float *output) {
    for (size_t x = 0; x < across->count; x += 16) {
        const __mmask16 lanes = lanes_from(x, across->count);
        // A mirrored view goes from right to left.
        __m512i first = load_lanes(across->first + x, lanes);
        __m512i second = load_lanes(across->second + x, lanes);
        const int32_t base = window_of_32(_mm512_reduce_min_epi32(first), _mm512_reduce_max_epi32(second), width);
        if (base < 0) {
            sample_columns(plane, width, across, down, x, x + (size_t)__builtin_popcount(lanes), output);
            continue;
        }
        first = _mm512_sub_epi32(first, _mm512_set1_epi32(base));
        second = _mm512_sub_epi32(second, _mm512_set1_epi32(base));
        const __m512 east = _mm512_maskz_loadu_ps(lanes, across->fraction + x);
        const __m512 west = _mm512_sub_ps(_mm512_set1_ps(1), east);
        for (size_t y = 0; y < down->count; y++) {
            const float *upper = plane + (size_t)down->first[y] * width + base;
            const float *lower = plane + (size_t)down->second[y] * width + base;
            const __m512 south = _mm512_set1_ps(down->fraction[y]), north = _mm512_sub_ps(_mm512_set1_ps(1), south);
            const __m512 upper_near = _mm512_loadu_ps(upper), upper_far = _mm512_loadu_ps(upper + 16);
            const __m512 lower_near = _mm512_loadu_ps(lower), lower_far = _mm512_loadu_ps(lower + 16);
            const __m512 a = _mm512_mul_ps(_mm512_permutex2var_ps(upper_near, first, upper_far), _mm512_mul_ps(north, west));
            const __m512 b = _mm512_mul_ps(_mm512_permutex2var_ps(upper_near, second, upper_far), _mm512_mul_ps(north, east));
            const __m512 c = _mm512_mul_ps(_mm512_permutex2var_ps(lower_near, first, lower_far), _mm512_mul_ps(south, west));
            const __m512 d = _mm512_mul_ps(_mm512_permutex2var_ps(lower_near, second, lower_far), _mm512_mul_ps(south, east));
            _mm512_mask_storeu_ps(output + y * across->count + x, lanes,
                                  _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), c), d));
        }
    }
}

#endif

void lv_sample(const float *plane, size_t width, const lv_taps *across, const lv_taps *down, float *output,
               lv_rendering_set set) {
    switch (set) {
#if LV_X86
    case LV_RENDERING_AVX512: return sample_avx512(plane, width, across, down, output);
    case LV_RENDERING_AVX2: return sample_avx2(plane, width, across, down, output);
#endif
    default: return sample_columns(plane, width, across, down, 0, across->count, output);
    }
}
