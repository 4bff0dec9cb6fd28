#include "kernel_sets.h"

// Where the 16 output channels of a block find the input channel that they multiply.
typedef enum {
    BROADCAST,  // all in one group: the same channel
    BLOCK,      // one channel each, which lie side by side
    GATHER,     // anywhere
} source;

enum { PIXELS = 4 };  // output pixels computed together, so that their chains overlap

static source source_of(const lv_grouped_convolution *k, const size_t *first) {
    bool same = true, adjacent = k->group_inputs == 1;
    for (size_t lane = 1; lane < LV_LANES; lane++) {
        same = same && first[lane] == first[0];
        adjacent = adjacent && k->channel_offsets[first[lane]] == k->channel_offsets[first[0]] + lane;
    }
    return same ? BROADCAST : adjacent ? BLOCK : GATHER;
}

// All but the first three arguments and the position are constants to the optimiser.
LV_INLINE void pixels(const lv_grouped_convolution *k, const float *input, const size_t *first, const float *weights,
                      const float *bias, size_t oy, size_t ox, const size_t count, const source from, float *output) {
    lv_vector16 acc[PIXELS];
    for (size_t p = 0; p < count; p++) acc[p] = *(const lv_vector16 *)bias;
    for (size_t c = 0; c < k->group_inputs; c++) {
        size_t offsets[LV_LANES];
        for (size_t lane = 0; lane < (from == GATHER ? LV_LANES : 1); lane++) {
            offsets[lane] = k->channel_offsets[first[lane] + c];
        }
        for (size_t ky = 0; ky < k->kernel_height; ky++) {
            // Padding makes these wrap round, which the comparison catches.
            const size_t y = oy * k->stride_height + ky * k->dilation_height - k->padding_height;
            if (y >= k->input_height) {
                weights += k->kernel_width * LV_LANES;
                continue;
            }
            for (size_t kx = 0; kx < k->kernel_width; kx++, weights += LV_LANES) {
                const lv_vector16 w = *(const lv_vector16 *)weights;
                for (size_t p = 0; p < count; p++) {
                    const size_t x = (ox + p) * k->stride_width + kx * k->dilation_width - k->padding_width;
                    if (x >= k->input_width) continue;
                    const float *pixel = input + (y * k->input_width + x) * LV_LANES;
                    lv_vector16 value;
                    if (from == BROADCAST) {
                        value = pixel[offsets[0]];
                    } else if (from == BLOCK) {
                        value = *(const lv_vector16 *)(pixel + offsets[0]);
                    } else {
                        for (size_t lane = 0; lane < LV_LANES; lane++) value[lane] = pixel[offsets[lane]];
                    }
                    acc[p] = __builtin_elementwise_fma(value, w, acc[p]);
                }
            }
        }
    }
    const lv_vector16 zero = 0.0f;
    for (size_t p = 0; p < count; p++) {
        *(lv_vector16 *)(output + p * LV_LANES) = k->relu ? (acc[p] > zero ? acc[p] : zero) : acc[p] + zero;
    }
}

LV_INLINE void plane(const lv_grouped_convolution *k, const float *input, const size_t *first, const float *weights,
                     const float *bias, const source from, float *output) {
    for (size_t oy = 0; oy < k->output_height; oy++) {
        size_t ox = 0;
        for (; ox + PIXELS <= k->output_width; ox += PIXELS, output += PIXELS * LV_LANES) {
            pixels(k, input, first, weights, bias, oy, ox, PIXELS, from, output);
        }
        for (; ox < k->output_width; ox++, output += LV_LANES) {
            pixels(k, input, first, weights, bias, oy, ox, 1, from, output);
        }
    }
}

LV_INLINE void lv_grouped_convolution_run_body(const lv_grouped_convolution *k, size_t item) {
    const size_t image = item / k->output_blocks, block = item % k->output_blocks;
    const float *input = k->input + image * k->input_image_stride;
    float *output =
        k->output + image * k->output_image_stride + block * k->output_height * k->output_width * LV_LANES;
    const size_t *first = k->first_channels + block * LV_LANES;
    const float *weights = k->weights + block * k->group_inputs * k->kernel_height * k->kernel_width * LV_LANES;
    const float *bias = k->bias + block * LV_LANES;
    switch (source_of(k, first)) {
    case BROADCAST: plane(k, input, first, weights, bias, BROADCAST, output); return;
    case BLOCK: plane(k, input, first, weights, bias, BLOCK, output); return;
    case GATHER: plane(k, input, first, weights, bias, GATHER, output); return;
    }
}

LV_DISPATCHED_ITEM(lv_grouped_convolution_run, lv_grouped_convolution)
