// Kernels that move values without computing.
#include "kernel_sets.h"

void lv_channels_run(const void *argument, size_t item, size_t worker) {
    const lv_channels *k = argument;
    (void)worker;
    const size_t image = item / k->blocks, block = item % k->blocks;
    const float *input = k->input + image * k->input_image_stride;
    float *output = k->output + image * k->output_image_stride + block * k->pixels * LV_LANES;
    for (size_t lane = 0; lane < LV_LANES; lane++) {
        const float *channel = input + k->offsets[block * LV_LANES + lane];
        const bool used = lane < k->block_channels[block];
        for (size_t q = 0; q < k->pixels * LV_LANES; q += LV_LANES) output[q + lane] = used ? channel[q] : 0.0f;
    }
}

void lv_border_run(const void *argument, size_t item, size_t worker) {
    const lv_border *k = argument;
    (void)worker;
    const size_t image = item / k->blocks, block = item % k->blocks;
    const float *input =
        k->input + image * k->input_image_stride + block * k->input_height * k->input_width * LV_LANES;
    float *output =
        k->output + image * k->output_image_stride + block * k->output_height * k->output_width * LV_LANES;
    lv_vector16 value = 0.0f;
    for (size_t lane = 0; lane < k->block_channels[block]; lane++) value[lane] = k->value;
    for (size_t y = 0; y < k->output_height; y++) {
        for (size_t x = 0; x < k->output_width; x++, output += LV_LANES) {
            const ptrdiff_t row = k->rows[y], column = k->columns[x];
            *(lv_vector16 *)output =
                row < 0 || column < 0
                    ? value
                    : *(const lv_vector16 *)(input + (row * (ptrdiff_t)k->input_width + column) * LV_LANES);
        }
    }
}

void lv_strided_run(const void *argument, size_t item, size_t worker) {
    const lv_strided *k = argument;
    (void)worker;
    const size_t image = item / k->extents[0], first = item % k->extents[0], count = k->outputs / k->extents[0];
    const float *input = k->input + image * k->inputs + k->offset + (ptrdiff_t)first * k->strides[0];
    float *output = k->output + image * k->outputs + first * count;
    size_t index[LV_MAX_DIMENSIONS] = {0};
    for (size_t i = 0; i < count; i++) {
        output[i] = *input;
        for (size_t d = k->dimensions - 1; d > 0; d--) {
            input += k->strides[d];
            if (++index[d] < k->extents[d]) break;
            input -= (ptrdiff_t)k->extents[d] * k->strides[d];
            index[d] = 0;
        }
    }
}
