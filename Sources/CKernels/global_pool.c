#include "kernel_sets.h"

// Maximum and sum by pixel in row order; the mean is one division.
LV_INLINE void lv_global_pool_run_body(const lv_global_pooling *k, size_t item) {
    const float *input = k->input + item * k->input_image_stride;
    float *maxima = k->output + item * 2 * k->channels, *means = maxima + k->channels;
    lv_vector16 divisor = (float)k->pixels;
    for (size_t b = 0; b < k->blocks; b++, input += k->pixels * LV_LANES) {
        lv_vector16 best = *(const lv_vector16 *)input, sum = 0.0f;
        for (size_t q = 0; q < k->pixels; q++) {
            lv_vector16 value = *(const lv_vector16 *)(input + q * LV_LANES);
            best = value > best ? value : best;
            sum += value;
        }
        sum /= divisor;
        for (size_t c = 0; c < k->block_channels[b]; c++) {
            *maxima++ = best[c];
            *means++ = sum[c];
        }
    }
}

LV_DISPATCHED_ITEM(lv_global_pool_run, lv_global_pooling)
