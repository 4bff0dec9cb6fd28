// The inner loop of a quantised convolution: a tile of output pixels x output channels held in registers.
#pragma once

#include <string.h>

#include "kernel_sets.h"

typedef struct {
    const uint8_t *input;
    ptrdiff_t pixel;            // offset of the first output pixel's tap (0, 0), which may lie above the picture
    const ptrdiff_t *taps;      // offset of each tap from there
    size_t first_tap, end_tap;  // taps inside the picture
    size_t tap_count;
    ptrdiff_t block_stride;  // from an input block to the next
    const uint8_t *block_channels;
    size_t blocks;
    const int8_t *weights;  // of this output group: [block][tap][quad of channels][row][4]
    const int32_t *start;   // what each sum starts from
    const float *scale, *shift;
    uint8_t *output;
    ptrdiff_t output_block_stride;
    size_t row;  // output channels in a row of weights: 32, or 16 in a last half group
    // Weights needed next, fetched to the second-level cache meanwhile: two lines at `prefetch` for each row of
    // weights, which then moves on by prefetch_step bytes. Any address will do.
    const int8_t *prefetch;
    size_t prefetch_step;
} lv_quantised_tile;

typedef void (*lv_quantised_tile_run)(const lv_quantised_tile *tile);

/// Distance in bytes between the input pixels of neighbouring output pixels.
static const size_t lv_quantised_steps[LV_STEPS_QUANTISED] = {LV_LANES, 2 * LV_LANES, LV_QUAD, 2 * LV_QUAD};

/// The function that computes `pixels` output pixels x `row` output channels (16 or 32) at lv_quantised_steps[step].
lv_quantised_tile_run lv_quantised_tile_vnni(size_t pixels, size_t row, size_t step);
lv_quantised_tile_run lv_quantised_tile_avx2(size_t pixels, size_t row, size_t step);
lv_quantised_tile_run lv_quantised_tile_portable(size_t pixels, size_t row, size_t step);

enum {
    // 14 x 2 sums, 2 vectors of weights and a broadcast: 31 of 32 registers of 16 sums.
    LV_QUANTISED_PIXELS_VNNI = 14,
    // 4 x 2 sums, 2 x 2 of weights and a broadcast's two halves: 14 of 16 registers of 8 sums.
    LV_QUANTISED_PIXELS_8 = 4,
};

#if LV_X86
#define LV_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")))
#endif

/// The bits of fma(sum, scale, shift) + LV_ROUNDING, between 0 and 255 before the addition, which rounds to the
/// nearest integer, halves to the even one: the lowest byte is the result.
#define LV_ROUNDING 12582912.0f  // 1.5 x 2^23: the numbers around it are the integers

typedef int32_t lv_integers16 __attribute__((ext_vector_type(16), aligned(4)));
typedef uint8_t lv_bytes16 __attribute__((ext_vector_type(16), aligned(1)));

/// The bits that 16 values become, whose lowest bytes are the result. By reference: what a vector passed by value lies in
/// depends on the instruction set.
LV_INLINE void lv_quantise_bits(const lv_vector16 *values, lv_integers16 *bits) {
    const lv_vector16 low = 0.0f, high = 255.0f;
    lv_vector16 value = *values > low ? *values : low;
    value = value < high ? value : high;
    value += LV_ROUNDING;
    memcpy(bits, &value, sizeof *bits);
}

LV_INLINE void lv_quantise(const lv_vector16 *values, uint8_t *bytes) {
    lv_integers16 bits;
    lv_quantise_bits(values, &bits);
    *(lv_bytes16 *)bytes = __builtin_convertvector(bits, lv_bytes16);
}
