// Separable resampling. A pass filters along rows and writes its result transposed, so that two passes with the same
// kernel filter both axes and give the picture back upright.
//
// The vector kernels work on 16 (8) rows at once: groups of four neighbouring pixels of a row are 32-bit lanes, and a
// tile holds the same group of all rows side by side. Weights are split into parts that the multiply-add instructions
// take; sums of parts, put together modulo 2^32, are the sums of whole weights.

#include "rendering_sets.h"

#include <stdlib.h>
#include <string.h>

enum { fraction_bits = 22, group = 4 };

/// One pass: `rows` rows of axis->input pixels to axis->output rows of `rows` pixels.
typedef struct {
    const uint8_t *input;
    size_t rows;
    const lv_axis *axis;
    uint8_t *output;
    /// Groups that the longest filter spans, wherever it starts.
    size_t span;
    /// Of each output: its first group, and the weights of `span` groups, in parts as the kernel wants them.
    int32_t *first;
    int32_t *parts;
    uint8_t *tile;
} Pass;

static inline uint8_t level(int32_t sum) {
    const int32_t whole = sum >> fraction_bits;
    return (uint8_t)(whole < 0 ? 0 : whole > 255 ? 255 : whole);
}

static void pass_portable(const Pass *pass) {
    const lv_axis *axis = pass->axis;
    for (size_t y = 0; y < pass->rows; y++) {
        const uint8_t *row = pass->input + y * axis->input;
        for (size_t x = 0; x < axis->output; x++) {
            const uint8_t *pixels = row + axis->starts[x];
            const int32_t *weights = axis->weights + x * axis->stride;
            uint32_t sum = 1u << (fraction_bits - 1);
            for (int32_t j = 0; j < axis->counts[x]; j++) sum += pixels[j] * (uint32_t)weights[j];
            pass->output[x * pass->rows + y] = level((int32_t)sum);
        }
    }
}

#if LV_X86

/// The weight of pixel `place` of the groups that output `x` starts at.
static int32_t weight_at(const Pass *pass, size_t x, size_t place) {
    const lv_axis *axis = pass->axis;
    const ptrdiff_t j = (ptrdiff_t)place + pass->first[x] * group - axis->starts[x];
    return j >= 0 && j < axis->counts[x] ? axis->weights[x * axis->stride + (size_t)j] : 0;
}

static uint32_t pair(int32_t first, int32_t second) { return ((uint32_t)first & 0xFFFF) | (uint32_t)second << 16; }

/// Weights as three bytes each: weight = a + 256 b + 65,536 c with signed a, b, c; four weights to a lane.
static void split_bytes(const Pass *pass) {
    int32_t *parts = pass->parts;
    for (size_t x = 0; x < pass->axis->output; x++)
        for (size_t k = 0; k < pass->span; k++, parts += 3) {
            uint32_t lanes[3] = {0, 0, 0};
            for (size_t p = 0; p < group; p++) {
                int32_t weight = weight_at(pass, x, k * group + p);
                for (size_t part = 0; part < 3; part++) {
                    const int32_t digit = (int8_t)(weight & 0xFF);
                    lanes[part] |= ((uint32_t)digit & 0xFF) << (8 * p);
                    weight = (weight - digit) >> 8;
                }
            }
            memcpy(parts, lanes, sizeof lanes);
        }
}

/// Weights as two words each: weight = a + 2,048 b; two weights to a lane, of the even pixels and of the odd ones.
static void split_words(const Pass *pass) {
    int32_t *parts = pass->parts;
    for (size_t x = 0; x < pass->axis->output; x++)
        for (size_t k = 0; k < pass->span; k++, parts += 4) {
            int32_t low[group], high[group];
            for (size_t p = 0; p < group; p++) {
                const int32_t weight = weight_at(pass, x, k * group + p);
                low[p] = weight & 2047;
                high[p] = weight >> 11;
            }
            const uint32_t lanes[4] = {
                pair(low[0], low[2]), pair(low[1], low[3]), pair(high[0], high[2]), pair(high[1], high[3])};
            memcpy(parts, lanes, sizeof lanes);
        }
}

/// Transposes 16 rows of 16 lanes.
LV_TARGET_AVX512 static inline void transpose_16(__m512i r[16]) {
    __m512i t[16];
#pragma unroll
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma unroll
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // Now r[4 q + c] holds column 4 l + c of rows 4 q ... 4 q + 3 in its quarter l.
#pragma unroll
    for (int c = 0; c < 4; c++) {
        const __m512i a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x44), b = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xEE);
        const __m512i d = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x44);
        const __m512i e = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xEE);
        t[c] = _mm512_shuffle_i32x4(a, d, 0x88);
        t[4 + c] = _mm512_shuffle_i32x4(a, d, 0xDD);
        t[8 + c] = _mm512_shuffle_i32x4(b, e, 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(b, e, 0xDD);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) r[i] = t[i];
}

LV_TARGET_AVX512 static void pass_avx512(const Pass *pass) {
    const lv_axis *axis = pass->axis;
    const size_t length = axis->input, span = pass->span;
    for (size_t y = 0; y < pass->rows; y += 16) {
        const size_t rows = pass->rows - y < 16 ? pass->rows - y : 16;
        for (size_t x = 0; x < length; x += 64) {
            const __mmask64 mask = length - x >= 64 ? ~0ull : (1ull << (length - x)) - 1;
            __m512i lanes[16];
#pragma unroll
            for (size_t r = 0; r < 16; r++) {
                const size_t row = y + (r < rows ? r : 0);
                lanes[r] = _mm512_maskz_loadu_epi8(mask, pass->input + row * length + x);
            }
            transpose_16(lanes);
#pragma unroll
            for (size_t r = 0; r < 16; r++) _mm512_store_si512(pass->tile + (x + r * group) * 16, lanes[r]);
        }
        const __mmask16 mask = (__mmask16)((1u << rows) - 1);
        for (size_t x = 0; x < axis->output; x++) {
            const uint8_t *tile = pass->tile + (size_t)pass->first[x] * 64;
            const int32_t *parts = pass->parts + x * span * 3;
            __m512i a = _mm512_set1_epi32(1 << (fraction_bits - 1)), b = _mm512_setzero_si512(), c = b;
            for (size_t k = 0; k < span; k++) {
                const __m512i pixels = _mm512_load_si512(tile + k * 64);
                a = _mm512_dpbusd_epi32(a, pixels, _mm512_set1_epi32(parts[3 * k]));
                b = _mm512_dpbusd_epi32(b, pixels, _mm512_set1_epi32(parts[3 * k + 1]));
                c = _mm512_dpbusd_epi32(c, pixels, _mm512_set1_epi32(parts[3 * k + 2]));
            }
            const __m512i sum =
                _mm512_add_epi32(a, _mm512_add_epi32(_mm512_slli_epi32(b, 8), _mm512_slli_epi32(c, 16)));
            const __m512i whole = _mm512_max_epi32(_mm512_srai_epi32(sum, fraction_bits), _mm512_setzero_si512());
            _mm_mask_storeu_epi8(pass->output + x * pass->rows + y, mask, _mm512_cvtusepi32_epi8(whole));
        }
    }
}

/// Transposes 8 rows of 8 lanes.
LV_TARGET_AVX2 static inline void transpose_8(__m256i r[8]) {
    __m256i t[8];
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma unroll
    for (int c = 0; c < 4; c++) {
        t[c] = _mm256_permute2x128_si256(r[c], r[4 + c], 0x20);
        t[4 + c] = _mm256_permute2x128_si256(r[c], r[4 + c], 0x31);
    }
#pragma unroll
    for (int i = 0; i < 8; i++) r[i] = t[i];
}

LV_TARGET_AVX2 static void pass_avx2(const Pass *pass) {
    const lv_axis *axis = pass->axis;
    const size_t length = axis->input, span = pass->span;
    const __m256i even = _mm256_set1_epi32(0x00FF00FF);
    for (size_t y = 0; y < pass->rows; y += 8) {
        const size_t rows = pass->rows - y < 8 ? pass->rows - y : 8;
        for (size_t x = 0; x < length; x += 32) {
            const size_t left = length - x < 32 ? length - x : 32;
            __m256i lanes[8];
            for (size_t r = 0; r < 8; r++) {
                const uint8_t *source = pass->input + (y + (r < rows ? r : 0)) * length + x;
                if (left == 32) {
                    lanes[r] = _mm256_loadu_si256((const __m256i *)source);
                } else {
                    uint8_t rest[32] = {0};
                    memcpy(rest, source, left);
                    lanes[r] = _mm256_loadu_si256((const __m256i *)rest);
                }
            }
            transpose_8(lanes);
            // Even and odd pixels apart, as 16-bit words.
            for (size_t r = 0; r < 8; r++) {
                __m256i *place = (__m256i *)(pass->tile + (x / group + r) * 64);
                _mm256_store_si256(place, _mm256_and_si256(lanes[r], even));
                _mm256_store_si256(place + 1, _mm256_and_si256(_mm256_srli_epi32(lanes[r], 8), even));
            }
        }
        for (size_t x = 0; x < axis->output; x++) {
            const uint8_t *tile = pass->tile + (size_t)pass->first[x] * 64;
            const int32_t *parts = pass->parts + x * span * 4;
            __m256i low = _mm256_set1_epi32(1 << (fraction_bits - 1)), high = _mm256_setzero_si256();
            for (size_t k = 0; k < span; k++) {
                const __m256i *place = (const __m256i *)(tile + k * 64);
                const __m256i first = _mm256_load_si256(place), second = _mm256_load_si256(place + 1);
                const int32_t *part = parts + 4 * k;
                low = _mm256_add_epi32(low, _mm256_madd_epi16(first, _mm256_set1_epi32(part[0])));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(second, _mm256_set1_epi32(part[1])));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(first, _mm256_set1_epi32(part[2])));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(second, _mm256_set1_epi32(part[3])));
            }
            const __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, 11));
            const __m256i whole = _mm256_srai_epi32(sum, fraction_bits);
            const __m128i words =
                _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
            const __m128i bytes = _mm_packus_epi16(words, words);
            uint8_t *output = pass->output + x * pass->rows + y;
            if (rows == 8) {
                _mm_storel_epi64((__m128i *)output, bytes);
            } else {
                uint8_t rest[16];
                _mm_storeu_si128((__m128i *)rest, bytes);
                memcpy(output, rest, rows);
            }
        }
    }
}

#endif

static bool run(Pass *pass, lv_rendering_set set) {
    if (set == LV_RENDERING_PORTABLE) {
        pass_portable(pass);
        return true;
    }
#if LV_X86
    const lv_axis *axis = pass->axis;
    pass->span = 1;
    pass->first = malloc(axis->output * sizeof *pass->first);
    if (pass->first == NULL) return false;
    size_t groups = (axis->input + group - 1) / group;
    for (size_t x = 0; x < axis->output; x++) {
        pass->first[x] = axis->starts[x] / group;
        const size_t end = ((size_t)axis->starts[x] + (size_t)axis->counts[x] + group - 1) / group;
        const size_t span = end - (size_t)pass->first[x];
        if (span > pass->span) pass->span = span;
    }
    // Whole steps of the transposition, and room for a span that starts in the last group. Zeros, so that weights of
    // zero beyond the end meet numbers.
    groups = (groups + 15) / 16 * 16 + pass->span;
    pass->tile = aligned_alloc(64, groups * 64);
    pass->parts = malloc(axis->output * pass->span * 4 * sizeof *pass->parts);
    const bool has_memory = pass->tile != NULL && pass->parts != NULL;
    if (has_memory) {
        memset(pass->tile, 0, groups * 64);
        if (set == LV_RENDERING_AVX512) {
            split_bytes(pass);
            pass_avx512(pass);
        } else {
            split_words(pass);
            pass_avx2(pass);
        }
    }
    free(pass->first);
    free(pass->parts);
    free(pass->tile);
    return has_memory;
#else
    return false;
#endif
}

bool lv_resample(const uint8_t *pixels, const lv_axis *across, const lv_axis *down, uint8_t *output,
                 lv_rendering_set set) {
    uint8_t *between = malloc(across->output * down->input);
    if (between == NULL) return false;
    Pass first = {.input = pixels, .rows = down->input, .axis = across, .output = between};
    Pass second = {.input = between, .rows = across->output, .axis = down, .output = output};
    const bool done = run(&first, set) && run(&second, set);
    free(between);
    return done;
}
