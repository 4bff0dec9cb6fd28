#include "quantised_tile.h"

#if LV_X86

#include <immintrin.h>

// vpmaddubsw adds pairs of products in 16 bits and saturates: two of 255 x 127 don't fit. So bytes are widened to 16
// bits, even and odd channels of a quad apart, and vpmaddwd adds pairs in 32 bits.
LV_INLINE LV_TARGET_AVX2 void tile16(const lv_quantised_tile *tile, const size_t first, const size_t pixels,
                                     const size_t step) {
    __m256i sum[LV_QUANTISED_PIXELS_8][2];
    _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
        _Pragma("unroll") for (size_t v = 0; v < 2; v++) {
            sum[p][v] = _mm256_loadu_si256((const __m256i *)(tile->start + first + v * 8));
        }
    }
    const uint8_t *block = tile->input;
    const int8_t *block_weights = tile->weights + first * LV_QUAD;
    const size_t row = tile->row * LV_QUAD;
    const __m256i even_bytes = _mm256_set1_epi16(0xFF);
    for (size_t b = 0; b < tile->blocks; b++) {
        const size_t quads = lv_quads(tile->block_channels[b]);
        const int8_t *weights = block_weights + tile->first_tap * quads * row;
        for (size_t t = tile->first_tap; t < tile->end_tap; t++) {
            const uint8_t *x = block + (tile->pixel + tile->taps[t]);
            for (size_t q = 0; q < quads; q++, x += LV_QUAD, weights += row) {
                __m256i even[2], odd[2];
                _Pragma("unroll") for (size_t v = 0; v < 2; v++) {
                    const __m256i w = _mm256_loadu_si256((const __m256i *)(weights + 32 * v));
                    even[v] = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
                    odd[v] = _mm256_srai_epi16(w, 8);
                }
                _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
                    int32_t quad;
                    memcpy(&quad, x + p * step, sizeof quad);
                    const __m256i pixel = _mm256_set1_epi32(quad);
                    const __m256i low = _mm256_and_si256(pixel, even_bytes), high = _mm256_srli_epi16(pixel, 8);
                    _Pragma("unroll") for (size_t v = 0; v < 2; v++) {
                        const __m256i products =
                            _mm256_add_epi32(_mm256_madd_epi16(low, even[v]), _mm256_madd_epi16(high, odd[v]));
                        sum[p][v] = _mm256_add_epi32(sum[p][v], products);
                    }
                }
            }
        }
        block += tile->block_stride;
        block_weights += tile->tap_count * quads * row;
    }
    const __m256 lowest = _mm256_setzero_ps(), highest = _mm256_set1_ps(255.0f);
    const __m256 rounding = _mm256_set1_ps(LV_ROUNDING);
    const __m256i byte = _mm256_set1_epi32(0xFF);
    uint8_t *y = tile->output + (ptrdiff_t)(first / LV_LANES) * tile->output_block_stride;
    _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
        __m256i bits[2];
        _Pragma("unroll") for (size_t v = 0; v < 2; v++) {
            const __m256 scale = _mm256_loadu_ps(tile->scale + first + v * 8);
            const __m256 shift = _mm256_loadu_ps(tile->shift + first + v * 8);
            __m256 value = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[p][v]), scale, shift);
            value = _mm256_add_ps(_mm256_min_ps(_mm256_max_ps(value, lowest), highest), rounding);
            bits[v] = _mm256_and_si256(_mm256_castps_si256(value), byte);
        }
        // Halves of both, then their middle two quarters exchanged.
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(bits[0], bits[1]), 0xD8);
        const __m128i bytes =
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(y + p * LV_LANES), bytes);
    }
}

LV_INLINE LV_TARGET_AVX2 void tile_row(const lv_quantised_tile *tile, const size_t pixels, const size_t step) {
    for (size_t first = 0; first < tile->row; first += LV_LANES) tile16(tile, first, pixels, step);
}

#define TILE(P, S) \
    LV_TARGET_AVX2 static void tile_##P##_##S(const lv_quantised_tile *t) { tile_row(t, P, lv_quantised_steps[S]); }
#define TILES(P) TILE(P, 0) TILE(P, 1) TILE(P, 2) TILE(P, 3)
TILES(1) TILES(2) TILES(3) TILES(4)

#define ENTRY(P) {tile_##P##_0, tile_##P##_1, tile_##P##_2, tile_##P##_3}

lv_quantised_tile_run lv_quantised_tile_avx2(size_t pixels, size_t row, size_t step) {
    static const lv_quantised_tile_run tiles[LV_QUANTISED_PIXELS_8][LV_STEPS_QUANTISED] = {
        ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
    };
    (void)row;
    return tiles[pixels - 1][step];
}

#endif
