#include "kernel_sets.h"

// y^-beta for positive y, by logarithm and exponential.
static double inverse_power(double y, double beta) {
    const double exponent = -beta * lv_log(y);
    return exponent <= 0.0 ? lv_exp_nonpositive(exponent) : 1.0 / lv_exp_nonpositive(-exponent);
}

void lv_response_norm_run(const void *argument, size_t item, size_t worker) {
    const lv_response_norm *k = argument;
    (void)worker;
    const size_t image = item / k->blocks, block = item % k->blocks;
    size_t first = 0;
    for (size_t b = 0; b < block; b++) first += k->block_channels[b];
    const float *input = k->input + image * k->input_image_stride;
    float *output = k->output + image * k->output_image_stride + block * k->pixels * LV_LANES;
    for (size_t q = 0; q < k->pixels * LV_LANES; q += LV_LANES) {
        for (size_t lane = 0; lane < LV_LANES; lane++) {
            if (lane >= k->block_channels[block]) {
                output[q + lane] = 0.0f;
                continue;
            }
            const size_t channel = first + lane;
            const size_t from = channel > k->before ? channel - k->before : 0;
            const size_t to = channel + k->after < k->channels ? channel + k->after : k->channels - 1;
            double sum = 0.0;
            for (size_t c = from; c <= to; c++) {
                const double x = input[k->channel_offsets[c] + q];
                sum += x * x;
            }
            const double x = input[k->channel_offsets[channel] + q];
            output[q + lane] = (float)(x * inverse_power(k->bias + k->scale * sum, k->beta)) + 0.0f;
        }
    }
}
