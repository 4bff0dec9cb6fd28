#include "quantised_tile.h"

#if LV_X86

#include <immintrin.h>

// All but `tile` are constants to the optimiser, which then keeps every sum in a register.
LV_INLINE LV_TARGET_VNNI void tile(const lv_quantised_tile *tile, const size_t pixels, const size_t vectors,
                                   const size_t step) {
    __m512i sum[LV_QUANTISED_PIXELS_VNNI][2];
    _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
        _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {
            sum[p][v] = _mm512_loadu_si512(tile->start + v * LV_LANES);
        }
    }
    const uint8_t *block = tile->input;
    const int8_t *block_weights = tile->weights;
    const size_t row = tile->row * LV_QUAD, prefetch_step = tile->prefetch_step;
    const int8_t *prefetch = tile->prefetch;
    for (size_t b = 0; b < tile->blocks; b++) {
        const size_t quads = lv_quads(tile->block_channels[b]);
        const int8_t *weights = block_weights + tile->first_tap * quads * row;
        for (size_t t = tile->first_tap; t < tile->end_tap; t++) {
            const uint8_t *x = block + (tile->pixel + tile->taps[t]);
            for (size_t q = 0; q < quads; q++, x += LV_QUAD, weights += row) {
                __m512i w[2];
                __builtin_prefetch(prefetch, 0, 2);
                __builtin_prefetch(prefetch + 64, 0, 2);
                prefetch += prefetch_step;
                _Pragma("unroll") for (size_t v = 0; v < vectors; v++) w[v] = _mm512_loadu_si512(weights + 64 * v);
                _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
                    int32_t quad;
                    memcpy(&quad, x + p * step, sizeof quad);
                    const __m512i pixel = _mm512_set1_epi32(quad);
                    _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {
                        sum[p][v] = _mm512_dpbusd_epi32(sum[p][v], pixel, w[v]);
                    }
                }
            }
        }
        block += tile->block_stride;
        block_weights += tile->tap_count * quads * row;
    }
    const __m512 lowest = _mm512_setzero_ps(), highest = _mm512_set1_ps(255.0f);
    const __m512 rounding = _mm512_set1_ps(LV_ROUNDING);
    _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {
        const __m512 scale = _mm512_loadu_ps(tile->scale + v * LV_LANES);
        const __m512 shift = _mm512_loadu_ps(tile->shift + v * LV_LANES);
        uint8_t *y = tile->output + (ptrdiff_t)v * tile->output_block_stride;
        _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {
            __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[p][v]), scale, shift);
            value = _mm512_add_ps(_mm512_min_ps(_mm512_max_ps(value, lowest), highest), rounding);
            _mm_storeu_si128((__m128i *)(y + p * LV_LANES), _mm512_cvtepi32_epi8(_mm512_castps_si512(value)));
        }
    }
}

#define TILE(P, S)                                                                                                    \
    LV_TARGET_VNNI static void tile_##P##_1_##S(const lv_quantised_tile *t) { tile(t, P, 1, lv_quantised_steps[S]); } \
    LV_TARGET_VNNI static void tile_##P##_2_##S(const lv_quantised_tile *t) { tile(t, P, 2, lv_quantised_steps[S]); }
#define TILES(P) TILE(P, 0) TILE(P, 1) TILE(P, 2) TILE(P, 3)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7)
TILES(8) TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)

#define ENTRY(P)                                                       \
    {{tile_##P##_1_0, tile_##P##_1_1, tile_##P##_1_2, tile_##P##_1_3}, \
     {tile_##P##_2_0, tile_##P##_2_1, tile_##P##_2_2, tile_##P##_2_3}}

lv_quantised_tile_run lv_quantised_tile_vnni(size_t pixels, size_t row, size_t step) {
    static const lv_quantised_tile_run tiles[LV_QUANTISED_PIXELS_VNNI][2][LV_STEPS_QUANTISED] = {
        ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
        ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14),
    };
    return tiles[pixels - 1][row / LV_LANES - 1][step];
}

#endif
