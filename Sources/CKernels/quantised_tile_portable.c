// The same tiles for any CPU. Sums of integers are the same in any order.
#include "quantised_tile.h"

LV_INLINE void tile16(const lv_quantised_tile *tile, size_t first, const size_t pixels, const size_t step) {
    int32_t sum[LV_QUANTISED_PIXELS_8][LV_LANES];
    for (size_t p = 0; p < pixels; p++) memcpy(sum[p], tile->start + first, sizeof sum[p]);
    const uint8_t *block = tile->input;
    const int8_t *block_weights = tile->weights + first * LV_QUAD;
    const size_t row = tile->row * LV_QUAD;
    for (size_t b = 0; b < tile->blocks; b++) {
        const size_t quads = lv_quads(tile->block_channels[b]);
        const int8_t *weights = block_weights + tile->first_tap * quads * row;
        for (size_t t = tile->first_tap; t < tile->end_tap; t++) {
            const uint8_t *x = block + (tile->pixel + tile->taps[t]);
            for (size_t q = 0; q < quads; q++, x += LV_QUAD, weights += row) {
                for (size_t p = 0; p < pixels; p++) {
                    const uint8_t *pixel = x + p * step;
                    for (size_t o = 0; o < LV_LANES; o++) {
                        const int8_t *w = weights + o * LV_QUAD;
                        sum[p][o] += pixel[0] * w[0] + pixel[1] * w[1] + pixel[2] * w[2] + pixel[3] * w[3];
                    }
                }
            }
        }
        block += tile->block_stride;
        block_weights += tile->tap_count * quads * row;
    }
    uint8_t *y = tile->output + (ptrdiff_t)(first / LV_LANES) * tile->output_block_stride;
    const lv_vector16 scale = *(const lv_vector16 *)(tile->scale + first);
    const lv_vector16 shift = *(const lv_vector16 *)(tile->shift + first);
    for (size_t p = 0; p < pixels; p++) {
        const lv_vector16 value = __builtin_elementwise_fma(
            __builtin_convertvector(*(const lv_integers16 *)sum[p], lv_vector16), scale, shift);
        lv_quantise(&value, y + p * LV_LANES);
    }
}

LV_INLINE void tile_row(const lv_quantised_tile *tile, const size_t pixels, const size_t step) {
    for (size_t first = 0; first < tile->row; first += LV_LANES) tile16(tile, first, pixels, step);
}

#define TILE(P, S) \
    static void tile_##P##_##S(const lv_quantised_tile *t) { tile_row(t, P, lv_quantised_steps[S]); }
#define TILES(P) TILE(P, 0) TILE(P, 1) TILE(P, 2) TILE(P, 3)
TILES(1) TILES(2) TILES(3) TILES(4)

#define ENTRY(P) {tile_##P##_0, tile_##P##_1, tile_##P##_2, tile_##P##_3}

lv_quantised_tile_run lv_quantised_tile_portable(size_t pixels, size_t row, size_t step) {
    static const lv_quantised_tile_run tiles[LV_QUANTISED_PIXELS_8][LV_STEPS_QUANTISED] = {
        ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
    };
    (void)row;
    return tiles[pixels - 1][step];
}
