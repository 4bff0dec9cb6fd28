#include "pooling_window.h"

// Sum by row, then column, from 0; pixels outside the picture are left out. One division.
LV_INLINE void lv_average_pool_run_body(const lv_pooling *k, size_t item) {
    size_t image = item / k->blocks, block = item % k->blocks;
    const size_t width = k->input_width;
    const float *input = k->input + image * k->input_image_stride + block * k->input_height * width * LV_LANES;
    float *output =
        k->output + image * k->output_image_stride + block * k->output_height * k->output_width * LV_LANES;
    for (size_t oy = 0; oy < k->output_height; oy++) {
        lv_window rows = lv_window_at(oy, k->stride_height, k->kernel_height, k->padding_height, k->input_height);
        for (size_t ox = 0; ox < k->output_width; ox++, output += LV_LANES) {
            lv_window columns = lv_window_at(ox, k->stride_width, k->kernel_width, k->padding_width, width);
            const size_t height_here = rows.end - rows.first, width_here = columns.end - columns.first;
            lv_vector16 sum = 0.0f;
            if (height_here == 3 && width_here == 3) {
                // The common window, unrolled: the same sums in the same order.
                const lv_vector16 *x = (const lv_vector16 *)input + rows.first * width + columns.first;
                sum = sum + x[0] + x[1] + x[2];
                x += width;
                sum = sum + x[0] + x[1] + x[2];
                x += width;
                sum = sum + x[0] + x[1] + x[2];
            } else {
                for (size_t y = rows.first; y < rows.end; y++) {
                    for (size_t x = columns.first; x < columns.end; x++) {
                        sum += *(const lv_vector16 *)(input + (y * width + x) * LV_LANES);
                    }
                }
            }
            size_t count = k->operation == LV_AVERAGE_POOL_PADDED ? k->kernel_height * k->kernel_width
                                                                  : height_here * width_here;
            lv_vector16 divisor = (float)count;
            *(lv_vector16 *)output = sum / divisor;
        }
    }
}

LV_DISPATCHED_ITEM(lv_average_pool_run, lv_pooling)
