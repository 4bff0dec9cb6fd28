// The inner loop of a convolution: a tile of output pixels x output channels held in registers.
#pragma once

#include "kernel_sets.h"

typedef struct {
    const float *input;
    ptrdiff_t pixel;           // offset of the first output pixel's tap (0, 0), which may lie above the picture
    const ptrdiff_t *taps;     // offset of each tap from there
    size_t first_tap, end_tap;  // taps inside the picture
    size_t tap_count;
    ptrdiff_t block_stride;    // from an input block to the next
    ptrdiff_t channel_stride;  // from a channel to the next: 1, or a plane in planar input
    const uint8_t *block_channels;
    size_t blocks;
    const float *weights;  // of this output group: [block][tap][channel][row]
    const float *bias;
    float *output;
    ptrdiff_t output_block_stride;
    size_t row;  // output channels in a row of weights: 32, or 16 in a last half group
    bool relu;
    // Weights needed next, fetched to the second-level cache meanwhile: two lines at `prefetch` for each row of
    // weights, which then moves on by prefetch_step floats. Any address will do.
    const float *prefetch;
    size_t prefetch_step;
    // From a pixel read to one that a later tile reads, fetched to the first-level cache meanwhile.
    ptrdiff_t input_ahead;
} lv_tile;

/// Makes run `i` of `runs` prefetch its share of `count` floats at `next`, of which a run reads rows of `row`.
LV_INLINE void lv_tile_prefetch(lv_tile *tile, const float *next, size_t count, size_t i, size_t runs) {
    tile->prefetch = next + count * i / runs;
    tile->prefetch_step = (tile->row + runs - 1) / runs;
}

typedef void (*lv_tile_run)(const lv_tile *tile);

/// Distance in floats between the input pixels of neighbouring output pixels: the tile functions know it at compile
/// time.
enum { LV_STEPS = 4 };
static const size_t lv_steps[LV_STEPS] = {LV_LANES, 2 * LV_LANES, 1, 2};

/// The function that computes `pixels` output pixels x `row` output channels (16 or 32) at step lv_steps[step].
lv_tile_run lv_tile_avx512(size_t pixels, size_t row, size_t step);
lv_tile_run lv_tile_avx2(size_t pixels, size_t row, size_t step);
lv_tile_run lv_tile_portable(size_t pixels, size_t row, size_t step);

LV_INLINE lv_tile_run lv_tile_run_of(lv_kernel_set set, size_t pixels, size_t row, size_t step) {
#if LV_X86
    if (set == LV_AVX512) return lv_tile_avx512(pixels, row, step);
    if (set == LV_AVX2) return lv_tile_avx2(pixels, row, step);
#endif
    (void)set;
    return lv_tile_portable(pixels, row, step);
}

enum {
    // 14 x 2 accumulators, 2 weight vectors and a broadcast: 31 of 32 registers of 16 floats.
    LV_TILE_PIXELS_16 = 14,
    // 6 x 2 accumulators, 2 weight vectors and a broadcast: 15 of 16 registers of 8 floats.
    LV_TILE_PIXELS_8 = 6,
};

// Defines name(tile, first, pixels, vectors, step): output channels first ..< first + vectors x lanes of the group,
// which lie in one block, or with vectors of a whole block in as many blocks. All but `tile` and `first` are constants to the
// optimiser, which then keeps every accumulator in a register; check the assembly after a change.
#define LV_DEFINE_TILE(name, vector, lanes)                                                                            \
    LV_INLINE void name(const lv_tile *tile, size_t first, const size_t pixels, const size_t vectors,                  \
                        const size_t step) {                                                                           \
        vector acc[LV_TILE_PIXELS_16][2];                                                                              \
        _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {                                                        \
            _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                                   \
                acc[p][v] = *(const vector *)(tile->bias + first + v * lanes);                                         \
            }                                                                                                          \
        }                                                                                                              \
        const float *block = tile->input;                                                                              \
        const float *block_weights = tile->weights + first;                                                            \
        const size_t row = tile->row;                                                                                  \
        const ptrdiff_t channel_stride = tile->channel_stride;                                                         \
        const float *prefetch = tile->prefetch;                                                                        \
        const size_t prefetch_step = tile->prefetch_step;                                                              \
        for (size_t b = 0; b < tile->blocks; b++) {                                                                    \
            const size_t channels = tile->block_channels[b];                                                           \
            const float *weights = block_weights + tile->first_tap * channels * row;                                   \
            for (size_t t = tile->first_tap; t < tile->end_tap; t++) {                                                 \
                const float *x = block + (tile->pixel + tile->taps[t]);                                                \
                _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {                                                \
                    if (step % LV_LANES == 0) __builtin_prefetch(x + p * step + tile->input_ahead, 0, 3);              \
                }                                                                                                      \
                for (size_t c = 0; c < channels; c++) {                                                                \
                    vector w[2];                                                                                       \
                    __builtin_prefetch(prefetch, 0, 2);                                                                \
                    __builtin_prefetch(prefetch + LV_LANES, 0, 2);                                                     \
                    prefetch += prefetch_step;                                                                         \
                    _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                           \
                        w[v] = *(const vector *)(weights + v * lanes);                                                 \
                    }                                                                                                  \
                    _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {                                            \
                        const vector pixel = x[p * step];                                                              \
                        _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                       \
                            acc[p][v] = __builtin_elementwise_fma(pixel, w[v], acc[p][v]);                             \
                        }                                                                                              \
                    }                                                                                                  \
                    x += channel_stride;                                                                               \
                    weights += row;                                                                                    \
                }                                                                                                      \
            }                                                                                                          \
            block += tile->block_stride;                                                                               \
            block_weights += tile->tap_count * channels * row;                                                         \
        }                                                                                                              \
        const vector zero = 0.0f;                                                                                      \
        _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                                       \
            const size_t channel = first + v * lanes;                                                                  \
            const ptrdiff_t plane = (ptrdiff_t)(channel / LV_LANES) * tile->output_block_stride;                       \
            float *y = tile->output + plane + channel % LV_LANES;                                                      \
            _Pragma("unroll") for (size_t p = 0; p < pixels; p++) {                                                    \
                const vector sum = acc[p][v];                                                                          \
                *(vector *)(y + p * LV_LANES) = tile->relu ? (sum > zero ? sum : zero) : sum + zero;                   \
            }                                                                                                          \
        }                                                                                                              \
    }
