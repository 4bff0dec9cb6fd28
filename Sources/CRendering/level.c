// Level: a table of every level, or a line that was found to equal it.
//
// The line is evaluated about the middle of the range (128 is added after rounding down), where float32 is finest, with
// its slope in two parts, so that one rounding is all the error there is.

#include "rendering_sets.h"

#include <string.h>

static void level_by_table(const lv_levels *levels, const uint16_t *samples, size_t count, uint8_t *pixels) {
    const uint8_t *const table = levels->table;
    for (size_t index = 0; index < count; index++) pixels[index] = table[samples[index]];
}

#if LV_X86

LV_TARGET_AVX512 static inline __m128i line_16(__m512i sample, __m512i flip, __m512i zero, __m512 high, __m512 low,
                                               __m512 bias) {
    const __m512 distance = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_xor_si512(sample, flip), zero));
    const __m512 level = _mm512_fmadd_ps(distance, high, _mm512_fmadd_ps(distance, low, bias));
    const __m512i floor = _mm512_cvt_roundps_epi32(level, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(floor, _mm512_set1_epi32(128)));
}

LV_TARGET_AVX512 static void level_avx512(const lv_levels *levels, const uint16_t *samples, size_t count,
                                          uint8_t *pixels) {
    // ~sample + zero + 1 is zero - sample.
    const __m512i flip = _mm512_set1_epi32(levels->falls ? -1 : 0);
    const __m512i zero = _mm512_set1_epi32(levels->falls ? levels->zero + 1 : -levels->zero);
    const __m512 high = _mm512_set1_ps(levels->line_high), low = _mm512_set1_ps(levels->line_low);
    const __m512 bias = _mm512_set1_ps(levels->bias);
    const bool is_signed = levels->is_signed;
    for (size_t index = 0; index < count; index += 16) {
        const size_t left = count - index;
        const __mmask16 mask = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
        const __m256i words = _mm256_maskz_loadu_epi16(mask, samples + index);
        const __m512i sample = is_signed ? _mm512_cvtepi16_epi32(words) : _mm512_cvtepu16_epi32(words);
        _mm_mask_storeu_epi8(pixels + index, mask, line_16(sample, flip, zero, high, low, bias));
    }
}

LV_TARGET_AVX2 static inline __m256i line_8(__m128i words, bool is_signed, __m256i flip, __m256i zero, __m256 high,
                                            __m256 low, __m256 bias) {
    const __m256i sample = is_signed ? _mm256_cvtepi16_epi32(words) : _mm256_cvtepu16_epi32(words);
    const __m256 distance = _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_xor_si256(sample, flip), zero));
    const __m256 level = _mm256_fmadd_ps(distance, high, _mm256_fmadd_ps(distance, low, bias));
    return _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_floor_ps(level)), _mm256_set1_epi32(128));
}

LV_TARGET_AVX2 static void level_avx2(const lv_levels *levels, const uint16_t *samples, size_t count, uint8_t *pixels) {
    const __m256i flip = _mm256_set1_epi32(levels->falls ? -1 : 0);
    const __m256i zero = _mm256_set1_epi32(levels->falls ? levels->zero + 1 : -levels->zero);
    const __m256 high = _mm256_set1_ps(levels->line_high), low = _mm256_set1_ps(levels->line_low);
    const __m256 bias = _mm256_set1_ps(levels->bias);
    const bool is_signed = levels->is_signed;
    size_t index = 0;
    for (; count - index >= 16; index += 16) {
        const __m128i first = _mm_loadu_si128((const __m128i *)(samples + index));
        const __m128i second = _mm_loadu_si128((const __m128i *)(samples + index + 8));
        const __m256i a = line_8(first, is_signed, flip, zero, high, low, bias);
        const __m256i b = line_8(second, is_signed, flip, zero, high, low, bias);
        // Lanes of a and b alternate after the pack, so quarters are put back in order.
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8);
        const __m128i bytes =
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(pixels + index), bytes);
    }
    level_by_table(levels, samples + index, count - index, pixels + index);
}

#endif

static void level_row(const lv_levels *levels, const uint16_t *samples, size_t count, uint8_t *pixels,
                      lv_rendering_set set) {
#if LV_X86
    if (levels->is_linear && set == LV_RENDERING_AVX512) {
        level_avx512(levels, samples, count, pixels);
        return;
    }
    if (levels->is_linear && set == LV_RENDERING_AVX2) {
        level_avx2(levels, samples, count, pixels);
        return;
    }
#else
    (void)set;
#endif
    level_by_table(levels, samples, count, pixels);
}

void lv_levels_fit(lv_levels *levels, int32_t low, int32_t high, lv_rendering_set set) {
    levels->is_linear = false;
    if (set == LV_RENDERING_PORTABLE || high <= low) return;
    const double slope = 255.0 / ((double)high - low);
    levels->falls = levels->table[(uint16_t)low] > levels->table[(uint16_t)high];
    levels->zero = levels->falls ? high : low;
    levels->line_high = (float)slope;
    levels->line_low = (float)(slope - (double)levels->line_high);
    // No sample lies closer to a step of the levels than half of its own share of one, except those that lie on it;
    // where these fall is for the table to say.
    const double share = 1 / (4 * ((double)high - low));
    const double biases[2] = {share, -share};
    for (size_t attempt = 0; attempt < 2 && !levels->is_linear; attempt++) {
        levels->bias = (float)(0.5 + biases[attempt] - 128);
        levels->is_linear = true;
        enum { chunk = 512 };
        uint16_t samples[chunk];
        uint8_t line[chunk], table[chunk];
        for (int32_t first = low; first <= high && levels->is_linear; first += chunk) {
            const size_t count = high - first + 1 < chunk ? (size_t)(high - first + 1) : chunk;
            for (size_t index = 0; index < count; index++) samples[index] = (uint16_t)(first + (int32_t)index);
            level_row(levels, samples, count, line, set);
            level_by_table(levels, samples, count, table);
            levels->is_linear = memcmp(line, table, count) == 0;
        }
    }
}

void lv_level(const lv_levels *levels, const uint16_t *samples, size_t width, size_t height, size_t stride,
              uint8_t *pixels, lv_rendering_set set) {
    for (size_t y = 0; y < height; y++) level_row(levels, samples + y * stride, width, pixels + y * width, set);
}
