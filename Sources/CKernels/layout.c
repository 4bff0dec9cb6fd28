#include "kernel_sets.h"

void lv_layout_run(const void *argument, size_t item, size_t worker) {
    const lv_layout *k = argument;
    (void)worker;
    size_t image = item / k->blocks, block = item % k->blocks, first = 0;
    for (size_t b = 0; b < block; b++) first += k->block_channels[b];
    size_t channels = k->block_channels[block];
    const float *input = k->input + image * k->input_image_stride;
    float *output = k->output + image * k->output_image_stride;
    if (k->unpack) {
        input += block * k->pixels * LV_LANES;
        for (size_t c = 0; c < channels; c++) {
            float *plane = output + (first + c) * k->pixels;
            for (size_t q = 0; q < k->pixels; q++) plane[q] = input[q * LV_LANES + c];
        }
        return;
    }
    output += block * k->pixels * LV_LANES;
    for (size_t q = 0; q < k->pixels; q++) {
        for (size_t c = 0; c < LV_LANES; c++) {
            output[q * LV_LANES + c] = c < channels ? input[(first + c) * k->pixels + q] : 0.0f;
        }
    }
}
