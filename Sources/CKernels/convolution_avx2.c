#include "convolution_tile.h"

#if LV_X86

LV_DEFINE_TILE(tile8, lv_vector8, 8)

// A block of 16 outputs at a time: 2 vectors.
LV_INLINE void tile_row(const lv_tile *tile, const size_t pixels, const size_t step) {
    for (size_t first = 0; first < tile->row; first += LV_LANES) tile8(tile, first, pixels, 2, step);
}

#define TILE(P, S) \
    LV_TARGET_AVX2 static void tile_##P##_##S(const lv_tile *t) { tile_row(t, P, lv_steps[S]); }
#define TILES(P) TILE(P, 0) TILE(P, 1) TILE(P, 2) TILE(P, 3)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)

#define ENTRY(P) {tile_##P##_0, tile_##P##_1, tile_##P##_2, tile_##P##_3}

lv_tile_run lv_tile_avx2(size_t pixels, size_t row, size_t step) {
    static const lv_tile_run tiles[LV_TILE_PIXELS_8][LV_STEPS] = {
        ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6),
    };
    (void)row;
    return tiles[pixels - 1][step];
}

#endif
