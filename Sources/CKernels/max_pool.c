#include "pooling_window.h"

// Starts at the first pixel inside the picture; padding never wins.
LV_INLINE void lv_max_pool_run_body(const lv_pooling *k, size_t item) {
    size_t image = item / k->blocks, block = item % k->blocks;
    const float *input =
        k->input + image * k->input_image_stride + block * k->input_height * k->input_width * LV_LANES;
    float *output =
        k->output + image * k->output_image_stride + block * k->output_height * k->output_width * LV_LANES;
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
