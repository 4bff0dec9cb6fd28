#include "pooling_window.h"
#include "quantised_tile.h"

// Starts at the first pixel inside the picture; padding never wins.
LV_INLINE void maximum(const lv_bytes16 *input, size_t width, lv_window rows, lv_window columns, lv_bytes16 *result) {
    lv_bytes16 best = input[rows.first * width + columns.first];
    for (size_t y = rows.first; y < rows.end; y++) {
        for (size_t x = columns.first; x < columns.end; x++) {
            best = __builtin_elementwise_max(best, input[y * width + x]);
        }
    }
    *result = best;
}

typedef uint16_t lv_sums16 __attribute__((ext_vector_type(16), aligned(2)));

LV_INLINE void total(const lv_bytes16 *input, size_t width, lv_window rows, lv_window columns, lv_integers16 *result) {
    lv_integers16 sum = 0;
    for (size_t y = rows.first; y < rows.end; y++) {
        // A row of up to 257 bytes fits 16 bits.
        for (size_t first = columns.first; first < columns.end; first += 256) {
            const size_t end = columns.end - first < 256 ? columns.end : first + 256;
            lv_sums16 row = 0;
            for (size_t x = first; x < end; x++) row += __builtin_convertvector(input[y * width + x], lv_sums16);
            sum += __builtin_convertvector(row, lv_integers16);
        }
    }
    *result = sum;
}

LV_INLINE void lv_quantised_pool_run_body(const lv_quantised_pooling *k, size_t item) {
    const size_t image = item / k->blocks, block = item % k->blocks;
    const lv_bytes16 *input = (const lv_bytes16 *)(k->input + image * k->input_image_stride) +
                              block * k->input_height * k->input_width;
    lv_bytes16 *output = (lv_bytes16 *)(k->output + image * k->output_image_stride) +
                         block * k->output_height * k->output_width;
    const bool averages = k->operation != LV_MAX_POOL;
    lv_vector16 scale = 0.0f, output_zero = 0.0f;
    lv_integers16 input_zero = 0;
    if (averages) {
        scale = *(const lv_vector16 *)(k->scale + block * LV_LANES);
        output_zero = *(const lv_vector16 *)(k->output_zero + block * LV_LANES);
        input_zero = *(const lv_integers16 *)(k->input_zero + block * LV_LANES);
    }
    for (size_t oy = 0; oy < k->output_height; oy++) {
        const lv_window rows =
            lv_window_at(oy, k->stride_height, k->kernel_height, k->padding_height, k->input_height);
        for (size_t ox = 0; ox < k->output_width; ox++) {
            const lv_window columns =
                lv_window_at(ox, k->stride_width, k->kernel_width, k->padding_width, k->input_width);
            if (!averages) {
                maximum(input, k->input_width, rows, columns, output++);
                continue;
            }
            const size_t inside = (rows.end - rows.first) * (columns.end - columns.first);
            const size_t divisor =
                k->operation == LV_AVERAGE_POOL_PADDED ? k->kernel_height * k->kernel_width : inside;
            lv_integers16 sum;
            total(input, k->input_width, rows, columns, &sum);
            sum -= input_zero * (int32_t)inside;
            const lv_vector16 factor = scale / (lv_vector16)(float)divisor;
            const lv_vector16 value =
                __builtin_elementwise_fma(__builtin_convertvector(sum, lv_vector16), factor, output_zero);
            lv_quantise(&value, 0.0f, (uint8_t *)output++);
        }
    }
}

LV_DISPATCHED_ITEM(lv_quantised_pool_run, lv_quantised_pooling)
