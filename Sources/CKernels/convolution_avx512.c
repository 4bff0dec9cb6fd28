#include "convolution_tile.h"

#if LV_X86

LV_DEFINE_TILE(tile16, lv_vector16, 16)

#define TILE(P, S)                                                                                 \
    LV_TARGET_AVX512 static void tile_##P##_1_##S(const lv_tile *t) { tile16(t, 0, P, 1, lv_steps[S]); } \
    LV_TARGET_AVX512 static void tile_##P##_2_##S(const lv_tile *t) { tile16(t, 0, P, 2, lv_steps[S]); }
#define TILES(P) TILE(P, 0) TILE(P, 1) TILE(P, 2) TILE(P, 3)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7)
TILES(8) TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)

#define ENTRY(P)                                                                     \
    {{tile_##P##_1_0, tile_##P##_1_1, tile_##P##_1_2, tile_##P##_1_3},               \
     {tile_##P##_2_0, tile_##P##_2_1, tile_##P##_2_2, tile_##P##_2_3}}

lv_tile_run lv_tile_avx512(size_t pixels, size_t row, size_t step) {
    static const lv_tile_run tiles[LV_TILE_PIXELS_16][2][LV_STEPS] = {
        ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
        ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14),
    };
    return tiles[pixels - 1][row / LV_LANES - 1][step];
}

#endif
