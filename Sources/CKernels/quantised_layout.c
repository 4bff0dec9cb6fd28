#include "quantised_tile.h"

// 16 pixels of one channel at a time, then spread.
LV_INLINE void lv_quantised_input_run_body(const lv_quantised_input *k, size_t item) {
    const size_t image = item % k->batch, chunk = item / k->batch, lanes = k->pixel_bytes;
    const size_t begin = k->pixels * chunk / k->chunks, end = k->pixels * (chunk + 1) / k->chunks;
    const lv_vector16 scale = k->scale, shift = k->shift;
    for (size_t first = 0; first < k->channels; first += lanes) {
        uint8_t *block = k->output + image * k->output_image_stride + first * k->pixels;
        for (size_t q = begin; q < end; q += LV_LANES) {
            const size_t count = end - q < LV_LANES ? end - q : LV_LANES;
            for (size_t c = 0; c < lanes; c++) {
                uint8_t *to = block + q * lanes + c;
                if (first + c >= k->channels) {
                    for (size_t i = 0; i < count; i++) to[i * lanes] = 0;
                    continue;
                }
                const float *from = k->input + image * k->input_image_stride + (first + c) * k->pixels + q;
                lv_vector16 value = 0.0f;
                memcpy(&value, from, count * sizeof(float));
                value = __builtin_elementwise_fma(value, scale, shift);
                uint8_t bytes[LV_LANES];
                lv_quantise(&value, 0.0f, bytes);
                for (size_t i = 0; i < count; i++) to[i * lanes] = bytes[i];
            }
        }
    }
}

LV_DISPATCHED_ITEM(lv_quantised_input_run, lv_quantised_input)

LV_INLINE void lv_dequantised_run_body(const lv_dequantised *k, size_t item) {
    const uint8_t *block = k->input + item * k->input_image_stride;
    float *output = k->output + item * k->output_image_stride;
    for (size_t b = 0, channel = 0; b < k->blocks; b++, block += k->pixels * LV_LANES) {
        for (size_t c = 0; c < k->block_channels[b]; c++, channel++) {
            const float scale = k->scale[b * LV_LANES + c];
            const int32_t zero = k->zero[b * LV_LANES + c];
            if (!k->pooled) {
                float *plane = output + channel * k->pixels;
                for (size_t q = 0; q < k->pixels; q++) plane[q] = (float)(block[q * LV_LANES + c] - zero) * scale;
                continue;
            }
            int32_t best = 0;
            int64_t sum = 0;
            for (size_t q = 0; q < k->pixels; q++) {
                const int32_t value = block[q * LV_LANES + c];
                best = value > best ? value : best;
                sum += value - zero;
            }
            output[channel] = (float)(best - zero) * scale;
            output[k->channels + channel] = (float)((double)sum * (double)scale / (double)k->pixels);
        }
    }
}

LV_DISPATCHED_ITEM(lv_dequantised_run, lv_dequantised)
