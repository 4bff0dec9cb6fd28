#include "pooling_window.h"

// The taps first ..< end of a window that lie inside the picture, of which there is one.
LV_INLINE lv_window lv_taps_at(size_t output, size_t stride, size_t kernel, size_t padding, size_t dilation,
                               size_t length) {
    const size_t begin = output * stride;  // in the padded picture
    const size_t first = begin >= padding ? 0 : (padding - begin + dilation - 1) / dilation;
    const size_t end = (length + padding - begin + dilation - 1) / dilation;
    return (lv_window){first, end < kernel ? end : kernel};
}

LV_INLINE void dilated(const lv_pooling *k, const float *input, float *output) {
    for (size_t oy = 0; oy < k->output_height; oy++) {
        const lv_window rows = lv_taps_at(oy, k->stride_height, k->kernel_height, k->padding_height,
                                          k->dilation_height, k->input_height);
        for (size_t ox = 0; ox < k->output_width; ox++, output += LV_LANES) {
            const lv_window columns = lv_taps_at(ox, k->stride_width, k->kernel_width, k->padding_width,
                                                 k->dilation_width, k->input_width);
            lv_vector16 best = 0.0f;
            for (size_t ky = rows.first; ky < rows.end; ky++) {
                const size_t y = oy * k->stride_height + ky * k->dilation_height - k->padding_height;
                for (size_t kx = columns.first; kx < columns.end; kx++) {
                    const size_t x = ox * k->stride_width + kx * k->dilation_width - k->padding_width;
                    lv_vector16 value = *(const lv_vector16 *)(input + (y * k->input_width + x) * LV_LANES);
                    if (ky == rows.first && kx == columns.first) best = value;
                    best = value > best ? value : best;
                }
            }
            *(lv_vector16 *)output = best;
        }
    }
}

// Starts at the first pixel inside the picture; padding never wins.
LV_INLINE void lv_max_pool_run_body(const lv_pooling *k, size_t item) {
    size_t image = item / k->blocks, block = item % k->blocks;
    const float *input =
        k->input + image * k->input_image_stride + block * k->input_height * k->input_width * LV_LANES;
    float *output =
        k->output + image * k->output_image_stride + block * k->output_height * k->output_width * LV_LANES;
    if (k->dilation_height != 1 || k->dilation_width != 1) {
        dilated(k, input, output);
        return;
    }
    for (size_t oy = 0; oy < k->output_height; oy++) {
        lv_window rows = lv_window_at(oy, k->stride_height, k->kernel_height, k->padding_height, k->input_height);
        for (size_t ox = 0; ox < k->output_width; ox++, output += LV_LANES) {
            lv_window columns = lv_window_at(ox, k->stride_width, k->kernel_width, k->padding_width, k->input_width);
            lv_vector16 best = *(const lv_vector16 *)(input + (rows.first * k->input_width + columns.first) * LV_LANES);
            for (size_t y = rows.first; y < rows.end; y++) {
                for (size_t x = columns.first; x < columns.end; x++) {
                    lv_vector16 value = *(const lv_vector16 *)(input + (y * k->input_width + x) * LV_LANES);
                    best = value > best ? value : best;
                }
            }
            *(lv_vector16 *)output = best;
        }
    }
}

LV_DISPATCHED_ITEM(lv_max_pool_run, lv_pooling)
