#include "quantised_tile.h"

// `count` values of a plane to bytes, each in a lane of 32 bits.
LV_INLINE void quantise_plane(const float *plane, size_t count, float scale, float shift, lv_integers16 *lanes) {
    lv_vector16 value = 0.0f;
    if (count == LV_LANES) value = *(const lv_vector16 *)plane;
    else memcpy(&value, plane, count * sizeof(float));
    value = __builtin_elementwise_fma(value, (lv_vector16)scale, (lv_vector16)shift);
    lv_quantise_bits(&value, lanes);
    *lanes &= 0xFF;
}

// A quad of channels of 16 pixels at a time: each pixel's quad is one integer.
LV_INLINE void lv_quantised_input_run_body(const lv_quantised_input *k, size_t item) {
    const size_t image = item % k->batch, chunk = item / k->batch, lanes = k->pixel_bytes;
    const size_t begin = k->pixels * chunk / k->chunks, end = k->pixels * (chunk + 1) / k->chunks;
    const size_t blocks = (k->channels + lanes - 1) / lanes;
    const float *input = k->input + image * k->input_image_stride;
    for (size_t quad = 0; quad < blocks * lanes / LV_QUAD; quad++) {
        const size_t first = quad * LV_QUAD, block = first / lanes;
        uint8_t *output = k->output + image * k->output_image_stride + block * k->pixels * lanes + first % lanes;
        for (size_t q = begin; q < end; q += LV_LANES) {
            const size_t count = end - q < LV_LANES ? end - q : LV_LANES;
            lv_integers16 quads = 0;
            for (size_t c = 0; c < LV_QUAD && first + c < k->channels; c++) {
                lv_integers16 bytes;
                quantise_plane(input + (first + c) * k->pixels + q, count, k->scale[first + c], k->shift[first + c], &bytes);
                quads |= bytes << (int32_t)(8 * c);
            }
            if (lanes == LV_QUAD && count == LV_LANES) {
                *(lv_integers16 *)(output + q * LV_QUAD) = quads;
                continue;
            }
            for (size_t i = 0; i < count; i++) {
                const int32_t pixel = quads[i];
                memcpy(output + (q + i) * lanes, &pixel, sizeof pixel);
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
